import type { FileHandle } from "node:fs/promises";
import { fromHalf } from "./halves.ts";
import { RefusedFile } from "./refused.ts";

/** Number types of stored weights, by safetensors' names; all are read as float32. */
export const itemBytes = { F32: 4, F16: 2, BF16: 2, F64: 8 } as const;
export type ItemType = keyof typeof itemBytes;
export const isItemType = (name: unknown): name is ItemType =>
  typeof name === "string" && Object.hasOwn(itemBytes, name);

/** Number types that no weight of SAM has, and bytes of one; such tensors are gone over. */
export const unreadBytes = {
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
  C64: 8,
  F8_E4M3: 1,
  F8_E5M2: 1,
} as const;

/**
 * An open weights file: what is in it is known, its values are read one tensor at a time, so that a file larger than
 * memory can be gone through.
 */
export interface TensorFile {
  /** "PyTorch" or "safetensors". */
  readonly format: string;
  /** Shapes by the file's own names. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Number types by the names of tensors that are not read: counters, tables, and weights of fewer than 16 bits. */
  readonly unread: ReadonlyMap<string, string>;
  /** What the file says of itself, where its format has a place for it. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** What was done to tensors before they are given, for people. */
  readonly notes?: readonly string[];
  /** A tensor's values, row-major, as float32. Throws RefusedFile when the file ends before they do. */
  read(name: string): Promise<Float32Array>;
  close(): Promise<void>;
}

/** Bytes [offset, offset + length) of a file, on a buffer of their own. Throws RefusedFile `truncated`. */
export async function readBytes(
  file: FileHandle,
  offset: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  let at = 0;
  while (at < length) {
    const { bytesRead } = await file.read(bytes, at, length - at, offset + at);
    if (bytesRead === 0)
      throw new RefusedFile(
        "truncated",
        `the file ends at byte ${offset + at}, where ${length - at} more are due`,
      );
    at += bytesRead;
  }
  return bytes;
}

/** Little-endian numbers of any of the types as float32; float64 is rounded. */
export function toFloat32(bytes: Uint8Array<ArrayBuffer>, type: ItemType): Float32Array {
  if (type === "F32") return new Float32Array(bytes.buffer);
  if (type === "F64") return Float32Array.from(new Float64Array(bytes.buffer));
  const halves = new Uint16Array(bytes.buffer);
  if (type === "BF16") {
    // The upper half of a float32
    const words = Uint32Array.from(halves, (half) => half << 16);
    return new Float32Array(words.buffer);
  }
  return Float32Array.from(halves, fromHalf);
}
