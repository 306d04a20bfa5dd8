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
  | "ver"
  | "prm"
  | "pred"
  | "fb"
  | "wh"
  | "msg"
  | "req";

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"; // Crockford's base 32: no i, l, o, u

/** A new id: prefix, `_`, 48 bits of time and 80 random bits in base 32, so that ids sort by age. */
export function newId(prefix: IdPrefix, now = Date.now()): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(now, 0, 6);
  randomBytes(10).copy(bytes, 6);
  let bits = BigInt(`0x${bytes.toString("hex")}`);
  let text = "";
  for (let i = 0; i < 26; i++) {
    text = alphabet[Number(bits & 31n)] + text;
    bits >>= 5n;
  }
  return `${prefix}_${text}`;
}
