import { readSync } from "node:fs";
import { inflateRawSync } from "node:zlib";

/** Files of at most so many bytes, packed and unpacked, are read at once: a stream for each takes longer than its bytes. */
const mostBytes = 4 * 1024 * 1024;
/** What stands before a file's bytes, without its name and extra fields, and how much room for these is read along. */
const [headerBytes, extraBytes] = [30, 512];
const headerStart = 0x04034b50;
const deflated = 8;

/** Where a zip's directory says that a file lies, and what it is. */
export interface ZipEntry {
  readonly relativeOffsetOfLocalHeader: number;
  readonly fileNameLength: number;
  readonly compressionMethod: number;
  readonly compressedSize: number;
  readonly uncompressedSize: number;
}

/**
 * The bytes of a small file of a zip that is open as `fd`; null for a large one. Throws an Error where they lie elsewhere or
 * are of another length than the directory says; their checksum is the caller's. Source: PKWARE APPNOTE, 4.3.7.
 */
export function readSmallEntry(fd: number, entry: ZipEntry): Buffer | null {
  const { compressedSize, uncompressedSize, relativeOffsetOfLocalHeader: from } = entry;
  if (compressedSize > mostBytes || uncompressedSize > mostBytes) return null;
  const guess = headerBytes + entry.fileNameLength + extraBytes;
  const read = bytesOf(fd, from, guess + compressedSize);
  if (read.length < headerBytes || read.readUInt32LE(0) !== headerStart)
    throw new Error("it does not begin where the directory says");
  const start = headerBytes + read.readUInt16LE(26) + read.readUInt16LE(28);
  const packed =
    start <= guess ? read.subarray(start, start + compressedSize) : bytesOf(fd, from + start, compressedSize);
  if (packed.length < compressedSize) throw new Error("the zip ends within it");
  const bytes =
    entry.compressionMethod === deflated
      ? inflateRawSync(packed, { maxOutputLength: Math.max(1, uncompressedSize) })
      : packed;
  if (bytes.length !== uncompressedSize)
    throw new Error(`it has ${bytes.length} bytes, and not the ${uncompressedSize} that the directory says`);
  return bytes;
}

/** So many bytes of a file, or those up to its end. */
function bytesOf(fd: number, from: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let at = 0;
  for (let got = 1; got > 0 && at < length; at += got) got = readSync(fd, bytes, at, length - at, from + at);
  return bytes.subarray(0, at);
}
