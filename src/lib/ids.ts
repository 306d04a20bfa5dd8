import { randomBytes } from "node:crypto";

export type IdPrefix =
  | "ws"
  | "key"
  | "upl"
  | "prj"
  | "img"
  | "ann"
  | "imp"
  | "ft"
  | "fpv"
  | "al"
  | "prp"
  | "ver"
  | "prm"
  | "pred"
  | "fb"
  | "wh"
  | "msg"
  | "req";

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"; // Crockford's base 32: no i, l, o, u

/** Asked for by the thousand: the kernel is slow for ten bytes each. */
let random = Buffer.alloc(0);

function tenRandomBytes(): Buffer {
  if (random.length < 10) random = randomBytes(10 * 1024);
  const taken = random.subarray(0, 10);
  random = random.subarray(10);
  return taken;
}

/** A new id: prefix, `_`, 48 bits of time and 80 random bits in base 32, so that ids sort by age. */
export function newId(prefix: IdPrefix, now = Date.now()): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(now, 0, 6);
  tenRandomBytes().copy(bytes, 6);
  // From the last bit on, five at a time.
  let text = "";
  let held = 0;
  let bits = 0;
  for (let i = 15; i >= 0; i--) {
    held |= (bytes[i] as number) << bits;
    bits += 8;
    for (; bits >= 5; bits -= 5, held >>= 5) text = alphabet.charAt(held & 31) + text;
  }
  return `${prefix}_${alphabet.charAt(held)}${text}`;
}
