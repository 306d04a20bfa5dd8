/** Bytes that tell what packed a file: a TAR's first head. */
export const archiveStart = 512;

export type StartKind =
  | { readonly kind: "zip" | "tar" | "gzip" | "parquet" }
  /** What is not read; `known` where it is something that people pack data sets into. */
  | { readonly kind: "other"; readonly known: boolean; readonly name: string; readonly advice: string };

const advice = "send a zip, a .tar, a .tar.gz or a Parquet file";

/** By their first bytes. */
const others: readonly (readonly [string, string])[] = [
  ["Rar!", "a RAR archive"],
  ["7z\u00bc\u00af", "a 7z archive"],
  ["\u00fd7zXZ\u0000", "compressed by xz (.tar.xz)"],
  ["BZh", "compressed by bzip2 (.tar.bz2)"],
  ["(\u00b5/\u00fd", "compressed by Zstandard (.tar.zst)"],
];

/** What a file is by its first `archiveStart` bytes, or all that it has. */
export function kindOfStart(start: Uint8Array): StartKind {
  const bytes = Buffer.from(start.buffer, start.byteOffset, start.length);
  const text = bytes.subarray(0, 8).toString("latin1");
  if (text.startsWith("PK\u0003\u0004") || text.startsWith("PK\u0005\u0006")) return { kind: "zip" };
  if (text.startsWith("\u001f\u008b")) return { kind: "gzip" };
  if (text.startsWith("PAR1")) return { kind: "parquet" };
  if (isTarHead(bytes)) return { kind: "tar" };
  const known = others.find(([magic]) => text.startsWith(magic));
  return { kind: "other", known: known !== undefined, name: known?.[1] ?? "no archive", advice };
}

/** Whether a head's checksum is right, which is the sum of its bytes with its own eight as spaces (POSIX.1, ustar). */
function isTarHead(head: Buffer): boolean {
  if (head.length < archiveStart) return false;
  const told = Number.parseInt(head.subarray(148, 156).toString("latin1").replaceAll("\0", " ").trim(), 8);
  let sum = 8 * 32;
  for (let i = 0; i < archiveStart; i++) if (i < 148 || i >= 156) sum += head[i] as number;
  return sum === told;
}
