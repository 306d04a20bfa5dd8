import { type FileHandle, open } from "node:fs/promises";

const [locator, end] = [0x07064b50, 0x06054b50];
/** Bytes of the records, and of the longest comment behind them. */
const [locatorBytes, endBytes, recordBytes, commentBytes] = [20, 22, 56, 65_535];

/**
 * Throws an Error for a zip of 64 bits whose end names a place that the file does not have: yauzl asks for it within a
 * callback, whose exception ends the process. Source: PKWARE APPNOTE, 4.3.14 to 4.3.16.
 */
export async function requireZipEnd(file: FileHandle): Promise<void> {
  const { size } = await file.stat();
  const tail = Buffer.alloc(Math.min(size, locatorBytes + endBytes + commentBytes));
  await file.read(tail, 0, tail.length, size - tail.length);
  let at = tail.length - endBytes;
  while (at >= 0 && tail.readUInt32LE(at) !== end) at--;
  if (at < locatorBytes || tail.readUInt32LE(at - locatorBytes) !== locator) return;
  const record = tail.readBigUInt64LE(at - locatorBytes + 8);
  requireInside(record, size);
  const read = Buffer.alloc(recordBytes);
  await file.read(read, 0, recordBytes, Number(record));
  requireInside(read.readBigUInt64LE(48), size);
}

function requireInside(place: bigint, size: number): void {
  if (place > BigInt(size)) throw new Error(`its directory would begin at byte ${place} of ${size}`);
}

/** The same for a file by its path. */
export async function checkedEnd(path: string): Promise<void> {
  const file = await open(path);
  try {
    await requireZipEnd(file);
  } finally {
    await file.close();
  }
}
