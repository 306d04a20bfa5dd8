import type { Opcodes } from "./machine.ts";
import { append, call } from "./read.ts";

/**
 * What pickles of whole objects have beside plain values: bytes (Uint8Arrays over the same memory), the texts of Python 2
 * (latin1), sets (as arrays), NEWOBJ, and whole numbers of any length.
 */
export const objectOpcodes: Opcodes = {
  0x55: (m) => m.push(latin1(m.in.bytes(m.in.u8()))),
  0x54: (m) => m.push(latin1(m.in.bytes(m.in.u32()))),
  0x43: (m) => m.push(m.in.bytes(m.in.u8())),
  0x42: (m) => m.push(m.in.bytes(m.in.u32())),
  0x8e: (m) => m.push(m.in.bytes(m.in.u64())),
  0x96: (m) => m.push(m.in.bytes(m.in.u64())),
  0x81: call, // NEWOBJ
  // NEWOBJ_EX, whose keywords are left out
  0x92: (m) => {
    m.pop();
    call(m);
  },
  0x8f: (m) => m.push([]), // EMPTY_SET
  0x90: (m) => append(m, m.popToMark()), // ADDITEMS
  0x91: (m) => m.push(m.popToMark()), // FROZENSET
  0x8a: (m) => m.push(whole(m.in.bytes(m.in.u8()))),
  0x8b: (m) => m.push(whole(m.in.bytes(m.in.u32()))),
};

/** A whole number of some bytes, lowest first, with its sign; 0 for those of more than six, which no size is. */
const whole = (bytes: Uint8Array): number =>
  bytes.length > 6 || bytes.length === 0 ? 0 : Buffer.from(bytes).readIntLE(0, bytes.length);
const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
