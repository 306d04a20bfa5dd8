import type { FileHandle } from "node:fs/promises";
import { sha256 } from "../lib/hash.ts";
import { fileError } from "./problems.ts";

/** A stretch of a file. */
interface Place {
  readonly offset: number;
  readonly bytes: number;
}

const chunkBytes = 256 * 1024;
/** Bytes of each end of a file that are read to tell it from others. */
const endBytes = 4096;

/** The bytes of a place, piece by piece. Throws AppError import_file_invalid where the file ends before. */
export async function* partOfFile(
  handle: FileHandle,
  name: string,
  { offset, bytes }: Place,
  signal?: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  for (let at = 0; at < bytes;) {
    signal?.throwIfAborted();
    const piece = Buffer.allocUnsafe(Math.min(chunkBytes, bytes - at));
    const { bytesRead } = await handle.read(piece, 0, piece.length, offset + at);
    if (bytesRead === 0) throw fileError(name, "it ends too early; it has become shorter");
    at += bytesRead;
    yield piece.subarray(0, bytesRead);
  }
}

/** A hash of both ends of a place: what tells most files of one length apart. */
export async function printOf(handle: FileHandle, { offset, bytes }: Place): Promise<string> {
  const ends = Buffer.alloc(2 * endBytes);
  await handle.read(ends, 0, Math.min(endBytes, bytes), offset);
  await handle.read(ends, endBytes, Math.min(endBytes, bytes), offset + Math.max(0, bytes - endBytes));
  return sha256(ends);
}
