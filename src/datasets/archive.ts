/** What holds a data set's files: a zip, a TAR, a folder or a bucket. What is alike in all of them stands here. */
import { archiveError, tooLarge } from "./problems.ts";
import { isImageName } from "./paths.ts";
import type { DatasetLimits } from "./limits.ts";

export type ArchiveKind = "zip" | "TAR" | "folder" | "file" | "bucket";

/** A file by what its archive says of it; nothing of it is in memory. */
export interface ArchiveEntry {
  /** Path with `/`, in Unicode's composed form, below the folder that all files share. */
  readonly name: string;
  /** Inflated. */
  readonly bytes: number;
  /** What else its name may be, where a zip does not say in which encoding names are. */
  readonly aliases?: readonly string[];
}

/** An archive on disk, opened for reading one file at a time. */
export interface ArchiveReader {
  readonly kind: ArchiveKind;
  /** Files only, in the order of names, without what macOS and Windows leave behind. */
  readonly entries: ReadonlyMap<string, ArchiveEntry>;
  /** What is no file that can be read, such as a link. */
  readonly left: readonly { readonly file: string; readonly detail: string }[];
  /** A text that is the same for files of the same bytes, and rarely for others of the same length. */
  print(name: string, signal?: AbortSignal): Promise<string>;
  /**
   * One whole file. Never more bytes than `entries` say, and those are within the limits.
   * Throws AppError import_file_invalid (can't be inflated, wrong length or checksum) or the signal's reason.
   */
  read(name: string, signal?: AbortSignal): Promise<Buffer>;
  /** The same piece by piece; a wrong checksum shows at the end. */
  chunks(name: string, signal?: AbortSignal): AsyncGenerator<Buffer, void, undefined>;
  /** Where a file lies on disk as it is; undefined where it is compressed. */
  place?(name: string): { readonly path: string; readonly offset: number };
  /** Names of what an import before this one has read; left out where that is not known. */
  readonly seen?: ReadonlySet<string>;
  close(): Promise<void>;
}

/** A name as all archives are read: composed, with `/`, without `./` before it. */
export const plainName = (name: string): string =>
  name
    .normalize("NFC")
    .replaceAll("\\", "/")
    .replace(/^(\.\/)+/, "");

/** Throws AppError import_zip_invalid for a name that is no plain path below the archive's top. */
export function checkName(name: string): void {
  const shown = JSON.stringify(name);
  // Control characters would garble logs and messages.
  if (/\p{Cc}/u.test(name)) throw archiveError(`the file name ${shown} has control characters`);
  if (Buffer.byteLength(name) > 1024)
    throw archiveError(`the file name ${shown.slice(0, 80)}... is longer than 1024 bytes`);
  if (name.split("/").some((part) => part === "" || part === "." || part === ".."))
    throw archiveError(`the file name ${shown} is not a plain path`);
}

/** Throws AppError import_too_large for a file above what one of its kind may have. */
export function checkSize(name: string, bytes: number, limits: DatasetLimits): void {
  const most = /\.(json|csv|xml|ndjson|geojson)$/i.test(name)
    ? limits.maxJsonBytes
    : /\.(txt|ya?ml)$/i.test(name)
      ? limits.maxTextBytes
      : isImageName(name)
        ? limits.maxEntryBytes
        : limits.maxTotalBytes;
  if (bytes > most) throw tooLarge(`${name} has ${bytes} bytes; ${most} are the most for one file`);
}

/** Throws AppError import_too_large once more files or bytes have come than are allowed. */
export function checkTotal(
  kind: ArchiveKind,
  { entries, bytes }: { entries: number; bytes: number },
  limits: DatasetLimits,
): void {
  if (entries > limits.maxEntries)
    throw tooLarge(`the ${kind} has more than ${limits.maxEntries} entries, which are the most`);
  if (bytes > limits.maxTotalBytes)
    throw tooLarge(
      `the ${kind}'s files have more than ${limits.maxTotalBytes} bytes together, which are the most`,
    );
}

/** What file managers leave in archives, and every other hidden file. */
export const isNoise = (name: string): boolean =>
  name
    .split("/")
    .some((part) => part === "__MACOSX" || /^\.[^.]/.test(part) || /^(thumbs\.db|desktop\.ini)$/i.test(part));

/** `dataset/images/a.jpg` becomes `images/a.jpg` when every file lies in `dataset/`; `images/`, `masks/` and `labels/` stay. */
export function belowCommonFolder<File>(files: ReadonlyMap<string, File>): Map<string, File> {
  const cut = commonFolder(files).length;
  const sorted = [...files].map(([name, found]) => [name.slice(cut), found] as const);
  return new Map(sorted.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The path that `belowCommonFolder` takes off, with its last `/`. */
export function commonFolder(files: ReadonlyMap<string, unknown>): string {
  const [first = ""] = files.keys();
  let cut = 0;
  for (;;) {
    const top = first.slice(cut, first.indexOf("/", cut) + 1);
    if (top === "" || /^(images|masks|labels|annotations)\/$/i.test(top)) return first.slice(0, cut);
    for (const name of files.keys()) if (!name.startsWith(top, cut)) return first.slice(0, cut);
    cut += top.length;
  }
}

/** What was left out of some files, by the names that they have below their common folder. */
export function leftBelow(
  files: ReadonlyMap<string, unknown>,
  left: ArchiveReader["left"],
): ArchiveReader["left"] {
  const top = commonFolder(files);
  return left.map(({ file, detail }) => ({
    file: file.startsWith(top) ? file.slice(top.length) : file,
    detail,
  }));
}

/** Gathers a file whole. */
export async function whole(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of chunks) parts.push(part);
  return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
}
