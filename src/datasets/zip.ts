import { crc32 } from "node:zlib";
import { type Entry, openPromise, type ZipFile } from "yauzl";
import { messageOf } from "../lib/errors.ts";
import { fileError, tooLarge, zipError } from "./problems.ts";
import { isImageName } from "./paths.ts";
import type { DatasetLimits } from "./limits.ts";

const MiB = 1024 ** 2;
const isSymlink = (entry: Entry): boolean => ((entry.externalFileAttributes >>> 16) & 0o170000) === 0o120000;

/** A file of the zip by its directory entry; nothing of it is in memory. */
export interface ZipEntry {
  /** Path with `/`, in Unicode's composed form, below the folder that all files share. */
  readonly name: string;
  /** Inflated. */
  readonly bytes: number;
  /** Of the inflated bytes, as the directory says; `read` holds the bytes against it. */
  readonly crc: number;
  /** What else its name may be, where the zip does not say in which encoding names are. */
  readonly aliases?: readonly string[];
}

/** A zip on disk, opened for reading one file at a time. */
export interface ZipReader {
  /** Files only, in the order of names, without what macOS and Windows leave behind. */
  readonly entries: ReadonlyMap<string, ZipEntry>;
  /**
   * One whole file. Never more bytes than its directory entry says, and those are within the limits.
   * Throws AppError import_file_invalid (can't be inflated, wrong length or checksum) or the signal's reason.
   */
  read(name: string, signal?: AbortSignal): Promise<Buffer>;
  /** The same piece by piece; a wrong checksum shows at the end. */
  chunks(name: string, signal?: AbortSignal): AsyncGenerator<Buffer, void, undefined>;
  close(): Promise<void>;
}

/**
 * Opens a zip and checks its whole directory before anything is inflated: names (no absolute path, no `..`, no
 * control character, none twice), no encryption, no links, no unknown compression, and the limits.
 * Throws AppError import_zip_invalid or import_too_large.
 */
export async function openZip(path: string, limits: DatasetLimits): Promise<ZipReader> {
  let zip: ZipFile;
  try {
    zip = await openPromise(path, { lazyEntries: true, autoClose: false, validateEntrySizes: true });
  } catch (error) {
    throw zipError("not a readable zip", error);
  }
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      if (!zip.isOpen) return resolve();
      zip.once("close", resolve);
      zip.close();
    });
  // A late error has no one else to hear it, and would end the process.
  zip.on("error", () => {});
  try {
    const found = await directoryOf(zip, limits);
    const entries = new Map(
      [...found].map(([name, { size, crc, aliases }]) => [name, { name, bytes: size, crc, aliases }]),
    );
    const chunks: ZipReader["chunks"] = (name, signal) => {
      const entry = found.get(name);
      if (!entry) throw new Error(`${name} is not in the zip`);
      return inflate(zip, name, entry.entry, signal);
    };
    return {
      entries,
      chunks,
      read: async (name, signal) => {
        const parts: Buffer[] = [];
        for await (const part of chunks(name, signal)) parts.push(part);
        return Buffer.concat(parts);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Found {
  readonly entry: Entry;
  readonly size: number;
  readonly crc: number;
  readonly aliases: readonly string[];
}

async function directoryOf(zip: ZipFile, limits: DatasetLimits): Promise<Map<string, Found>> {
  if (zip.entryCount > limits.maxEntries)
    throw tooLarge(`the zip has ${zip.entryCount} entries; ${limits.maxEntries} are the most`);
  const files = new Map<string, Found>();
  let total = 0;
  for await (const entry of entriesOf(zip)) {
    const [name, ...aliases] = namesOf(entry);
    if (name.endsWith("/") || isNoise(name)) continue;
    checkEntry(entry, name, limits);
    const same = files.get(name);
    if (same && (same.crc !== entry.crc32 || same.size !== entry.uncompressedSize))
      throw zipError(`the zip has two files named ${printable(name)}`);
    total += entry.uncompressedSize;
    files.set(name, { entry: slim(entry), size: entry.uncompressedSize, crc: entry.crc32, aliases });
  }
  if (total > limits.maxTotalBytes)
    throw tooLarge(`the zip's files have ${total} bytes together; ${limits.maxTotalBytes} are the most`);
  // Directory entries may share one compressed block, so the ratio is of the whole file, not of each entry.
  if (total > 64 * MiB && total > limits.maxRatio * zip.fileSize) {
    throw tooLarge(
      `the zip inflates to ${Math.round(total / zip.fileSize)} times its size; ${limits.maxRatio} is the most`,
    );
  }
  return belowCommonFolder(files);
}

const utf8 = new TextDecoder("utf-8", { fatal: true });
/** Of Windows in China, Japan, Korea, Taiwan and western Europe: Explorer writes names without saying which. */
const codePages = ["gbk", "shift_jis", "euc-kr", "big5", "windows-1252"].map(
  (name) => new TextDecoder(name, { fatal: true }),
);

/** The name of an entry, then what else its bytes may mean. UTF-8 without its flag is what macOS writes. */
function namesOf(entry: Entry): [string, ...string[]] {
  const plain = (name: string): string =>
    name
      .normalize("NFC")
      .replaceAll("\\", "/")
      .replace(/^(\.\/)+/, "");
  const raw = entry.fileNameRaw;
  const isPlain = (entry.generalPurposeBitFlag & 0x800) !== 0 || raw.every((byte) => byte < 0x80);
  const hasUnicode = entry.extraFields.some(({ id }) => id === 0x7075);
  if (isPlain || hasUnicode) return [plain(entry.fileName)];
  const meant = decoded(utf8, raw);
  if (meant !== null) return [plain(meant)];
  const others = codePages.flatMap((codePage) => decoded(codePage, raw) ?? []).map(plain);
  return [plain(entry.fileName), ...new Set(others)];
}

function decoded(decoder: InstanceType<typeof TextDecoder>, bytes: Buffer): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

/** The entries as they come, so that one that is refused is the last that memory was taken for. */
async function* entriesOf(zip: ZipFile): AsyncGenerator<Entry, void, undefined> {
  const entries = zip.eachEntry()[Symbol.asyncIterator]();
  for (;;) {
    const next = await entries.next().catch((error: unknown) => {
      throw zipError("the zip's directory can't be read", error);
    });
    if (next.done) return;
    yield next.value;
  }
}

const none = Buffer.alloc(0);

/** An entry without what only its checks read, which is most of its memory: a zip may have 250,000. */
function slim(entry: Entry): Entry {
  return Object.assign(entry, {
    fileName: "",
    fileComment: "",
    fileNameRaw: none,
    extraFieldRaw: none,
    fileCommentRaw: none,
    extraFields: [],
  });
}

function checkEntry(entry: Entry, name: string, limits: DatasetLimits): void {
  // yauzl has refused absolute paths and `..`; it leaves control characters, which would garble logs and messages.
  if (/\p{Cc}/u.test(name)) throw zipError(`the file name ${printable(name)} has control characters`);
  if (Buffer.byteLength(name) > 1024)
    throw zipError(`the file name ${printable(name).slice(0, 80)}... is longer than 1024 bytes`);
  if (name.split("/").some((part) => part === "" || part === "." || part === ".."))
    throw zipError(`the file name ${printable(name)} is not a plain path`);
  if (entry.isEncrypted()) throw zipError(`${name} is encrypted`);
  if (isSymlink(entry)) throw zipError(`${name} is a symbolic link`);
  if (entry.compressionMethod !== 0 && entry.compressionMethod !== 8)
    throw zipError(
      `${name} is compressed by method ${entry.compressionMethod}; only stored and deflated files can be read`,
    );
  const most = /\.json$/i.test(name)
    ? limits.maxJsonBytes
    : /\.(csv|xml|ndjson|geojson)$/i.test(name)
      ? limits.maxJsonBytes
      : /\.(txt|ya?ml)$/i.test(name)
        ? limits.maxTextBytes
        : isImageName(name)
          ? limits.maxEntryBytes
          : limits.maxTotalBytes;
  if (entry.uncompressedSize > most)
    throw tooLarge(`${name} has ${entry.uncompressedSize} bytes; ${most} are the most for one file`);
}

const printable = (name: string): string => JSON.stringify(name);

/** What file managers leave in zips, and every other hidden file. */
const isNoise = (name: string): boolean =>
  name
    .split("/")
    .some((part) => part === "__MACOSX" || /^\.[^.]/.test(part) || /^(thumbs\.db|desktop\.ini)$/i.test(part));

/** `dataset/images/a.jpg` becomes `images/a.jpg` when every file lies in `dataset/`; `images/`, `masks/` and `labels/` stay. */
function belowCommonFolder(files: Map<string, Found>): Map<string, Found> {
  let names = [...files.keys()];
  let cut = 0;
  for (;;) {
    const top = names[0]?.slice(0, names[0].indexOf("/") + 1) ?? "";
    if (
      top === "" ||
      /^(images|masks|labels|annotations)\/$/i.test(top) ||
      !names.every((name) => name.startsWith(top))
    )
      break;
    names = names.map((name) => name.slice(top.length));
    cut += top.length;
  }
  const sorted = [...files].map(([name, found]) => [name.slice(cut), found] as const);
  return new Map(sorted.sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function* inflate(
  zip: ZipFile,
  name: string,
  entry: Entry,
  signal?: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  signal?.throwIfAborted();
  let crc = 0;
  const stream = await zip.openReadStreamPromise(entry).catch((error: unknown) => {
    throw fileError(name, `can't be inflated: ${messageOf(error)}`, error);
  });
  const parts = (stream as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  try {
    for (;;) {
      // The stream fails as soon as it gives more bytes than the directory says: memory stays within the limit.
      const part = await parts.next().catch((error: unknown) => {
        signal?.throwIfAborted();
        throw fileError(name, `can't be inflated: ${messageOf(error)}`, error);
      });
      if (part.done) break;
      signal?.throwIfAborted();
      crc = crc32(part.value, crc);
      yield part.value;
    }
  } finally {
    await parts.return?.();
  }
  if (crc !== entry.crc32) throw fileError(name, "its checksum is wrong; the zip is damaged");
}
