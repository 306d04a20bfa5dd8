import { closeSync, openSync } from "node:fs";
import { crc32 } from "node:zlib";
import { type Entry, openPromise, type ZipFile } from "yauzl";
import { messageOf } from "../lib/errors.ts";
import { checkedEnd } from "../lib/zip-end.ts";
import { fileError, tooLarge, archiveError } from "./problems.ts";
import {
  type ArchiveReader,
  belowCommonFolder,
  checkName,
  checkSize,
  isNoise,
  plainName,
  whole,
} from "./archive.ts";
import type { DatasetLimits } from "./limits.ts";
import { readSmallEntry } from "./zip-entry.ts";

const MiB = 1024 ** 2;
const isSymlink = (entry: Entry): boolean => ((entry.externalFileAttributes >>> 16) & 0o170000) === 0o120000;

/**
 * Opens a zip and checks its whole directory before anything is inflated: names (no absolute path, no `..`, no
 * control character, none twice), no encryption, no links, no unknown compression, and the limits.
 * Throws AppError import_zip_invalid or import_too_large.
 */
export async function openZip(path: string, limits: DatasetLimits): Promise<ArchiveReader> {
  let zip: ZipFile;
  try {
    await checkedEnd(path);
    zip = await openPromise(path, { lazyEntries: true, autoClose: false, validateEntrySizes: true });
  } catch (error) {
    throw archiveError("not a readable zip", error);
  }
  const fd = openSync(path, "r");
  let isOpen = true;
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      if (isOpen) closeSync(fd);
      isOpen = false;
      if (!zip.isOpen) return resolve();
      zip.once("close", resolve);
      zip.close();
    });
  // A late error has no one else to hear it, and would end the process.
  zip.on("error", () => {});
  try {
    const found = await directoryOf(zip, limits);
    const entries = new Map(
      [...found].map(([name, { size, aliases }]) => [name, { name, bytes: size, aliases }]),
    );
    const entryOf = (name: string): Entry => {
      const entry = found.get(name);
      if (!entry) throw new Error(`${name} is not in the zip`);
      return entry.entry;
    };
    const chunks: ArchiveReader["chunks"] = (name, signal) => inflate(zip, name, entryOf(name), signal);
    return {
      kind: "zip",
      entries,
      left: [],
      print: async (name) => String(found.get(name)?.crc),
      chunks,
      read: async (name, signal) => {
        signal?.throwIfAborted();
        return small(fd, name, entryOf(name)) ?? whole(chunks(name, signal));
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
      throw archiveError(`the zip has two files named ${JSON.stringify(name)}`);
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
/** Code pages of Windows in China, Japan, Korea, Taiwan and western Europe: Explorer writes names without saying which. */
const codePages = ["gbk", "shift_jis", "euc-kr", "big5", "windows-1252"].map(
  (name) => new TextDecoder(name, { fatal: true }),
);

/** The name of an entry, then what else its bytes may mean. UTF-8 without its flag is what macOS writes. */
function namesOf(entry: Entry): [string, ...string[]] {
  const raw = entry.fileNameRaw;
  const isPlain = (entry.generalPurposeBitFlag & 0x800) !== 0 || raw.every((byte) => byte < 0x80);
  const hasUnicode = entry.extraFields.some(({ id }) => id === 0x7075);
  if (isPlain || hasUnicode) return [plainName(entry.fileName)];
  const meant = decoded(utf8, raw);
  if (meant !== null) return [plainName(meant)];
  const others = codePages.flatMap((codePage) => decoded(codePage, raw) ?? []).map(plainName);
  return [plainName(entry.fileName), ...new Set(others)];
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
      throw archiveError("the zip's directory can't be read", error);
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
  // yauzl has refused absolute paths and `..`.
  checkName(name);
  if (entry.isEncrypted()) throw archiveError(`${name} is encrypted`);
  if (isSymlink(entry)) throw archiveError(`${name} is a symbolic link`);
  if (entry.compressionMethod !== 0 && entry.compressionMethod !== 8)
    throw archiveError(
      `${name} is compressed by method ${entry.compressionMethod}; only stored and deflated files can be read`,
    );
  checkSize(name, entry.uncompressedSize, limits);
}

function small(fd: number, name: string, entry: Entry): Buffer | null {
  let bytes: Buffer | null;
  try {
    bytes = readSmallEntry(fd, entry);
  } catch (error) {
    throw fileError(name, `can't be inflated: ${messageOf(error)}`, error);
  }
  if (bytes) requireChecksum(name, entry, crc32(bytes));
  return bytes;
}

function requireChecksum(name: string, entry: Entry, found: number): void {
  if (found !== entry.crc32) throw fileError(name, "its checksum is wrong; the zip is damaged");
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
  requireChecksum(name, entry, crc);
}
