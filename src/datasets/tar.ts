import { createReadStream, createWriteStream } from "node:fs";
import { type FileHandle, open, rm, stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { extract, type Header } from "tar-stream";
import { AppError, messageOf } from "../lib/errors.ts";
import {
  type ArchiveEntry,
  type ArchiveReader,
  belowCommonFolder,
  checkName,
  checkSize,
  checkTotal,
  isNoise,
  leftBelow,
  plainName,
  whole,
} from "./archive.ts";
import { partOfFile, printOf } from "./file-parts.ts";
import type { DatasetLimits } from "./limits.ts";
import { archiveError, tooLarge } from "./problems.ts";

const MiB = 1024 ** 2;
/** A file's head in the archive, and what fills its last block. */
const blockBytes = 512;

interface Found {
  readonly offset: number;
  readonly bytes: number;
}

/**
 * Opens a TAR, compressed by gzip or not, and goes once through its heads: the rules for names and limits are those of a
 * zip; of two files of one name the later counts, as TAR itself has it. What is compressed is inflated to `work` first,
 * held to the limits as it comes. Throws AppError import_zip_invalid or import_too_large.
 */
export async function openTar(
  path: string,
  options: { limits: DatasetLimits; gzip: boolean; work: string; signal?: AbortSignal | undefined },
): Promise<ArchiveReader> {
  const { limits, gzip, work, signal } = options;
  if (gzip) await inflateTo(work, path, limits, signal);
  const tar = gzip ? work : path;
  const gone = (): Promise<void> => (gzip ? rm(work, { force: true }) : Promise.resolve());
  try {
    const left: { file: string; detail: string }[] = [];
    const files = await headsOf(tar, limits, left, signal);
    const found = belowCommonFolder(files);
    const entries = new Map<string, ArchiveEntry>();
    for (const [name, { bytes }] of found) entries.set(name, { name, bytes });
    const handle = await open(tar);
    if (!(await hasEnd(handle)))
      left.push({ file: "the TAR", detail: "has no mark at its end; it may have been cut off" });
    const placeOf = (name: string): Found => {
      const place = found.get(name);
      if (!place) throw new Error(`${name} is not in the TAR`);
      return place;
    };
    const chunks: ArchiveReader["chunks"] = (name, stop) => partOfFile(handle, name, placeOf(name), stop);
    return {
      kind: "TAR",
      entries,
      left: leftBelow(files, left),
      place: (name) => ({ path: tar, offset: placeOf(name).offset }),
      print: (name) => printOf(handle, placeOf(name)),
      chunks,
      read: (name, stop) => whole(chunks(name, stop)),
      close: async () => {
        await handle.close();
        await gone();
      },
    };
  } catch (error) {
    await gone();
    throw error;
  }
}

async function inflateTo(
  work: string,
  path: string,
  limits: DatasetLimits,
  signal?: AbortSignal,
): Promise<void> {
  const { size } = await stat(path);
  const most = limits.maxTotalBytes + 2 * blockBytes * limits.maxEntries;
  const limited = async function* (parts: AsyncIterable<Buffer>) {
    let bytes = 0;
    for await (const part of parts) {
      bytes += part.length;
      if (bytes > most) throw tooLarge(`the TAR inflates to more than ${most} bytes, which are the most`);
      if (bytes > 64 * MiB && bytes > limits.maxRatio * size)
        throw tooLarge(`the TAR inflates to more than ${limits.maxRatio} times its size, which is the most`);
      yield part;
    }
  };
  try {
    await pipeline(
      createReadStream(path),
      createGunzip(),
      limited,
      createWriteStream(work, { mode: 0o600 }),
      {
        signal,
      },
    );
  } catch (error) {
    await rm(work, { force: true });
    signal?.throwIfAborted();
    if (error instanceof AppError) throw error;
    throw archiveError("the gzip file can't be inflated", error);
  }
}

/** Whether the last block is empty, as TAR ends. Cut off between two files it looks whole without. */
async function hasEnd(handle: FileHandle): Promise<boolean> {
  const { size } = await handle.stat();
  const { buffer, bytesRead } = await handle.read(
    Buffer.alloc(blockBytes),
    0,
    blockBytes,
    Math.max(0, size - blockBytes),
  );
  return bytesRead === blockBytes && buffer.every((byte) => byte === 0);
}

/** Every file's place. */
async function headsOf(
  tar: string,
  limits: DatasetLimits,
  left: { file: string; detail: string }[],
  signal?: AbortSignal,
): Promise<Map<string, Found>> {
  const files = new Map<string, Found>();
  const count = { entries: 0, bytes: 0 };
  const parser = extract();
  const reading = createReadStream(tar, { highWaterMark: MiB, signal });
  // The loop below meets a reading error as the parser's own.
  reading.on("error", (error) => parser.destroy(error));
  reading.pipe(parser);
  try {
    for await (const entry of parser) {
      const { header } = entry;
      entry.resume();
      count.entries++;
      const found = fileOf(header, files, left);
      if (!found) continue;
      const { name, place } = found;
      checkSize(name, place.bytes, limits);
      count.bytes += place.bytes;
      checkTotal("TAR", count, limits);
      files.set(name, place);
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof AppError) throw error;
    throw archiveError(`not a readable TAR: ${messageOf(error)}`);
  } finally {
    reading.destroy();
  }
  return files;
}

/** tar-stream tells where a body begins; its types do not. */
type Placed = Header & { readonly byteOffset: number };

/** Null for what is no file; a hard link is the file that it names. */
function fileOf(
  header: Header,
  files: ReadonlyMap<string, Found>,
  left: { file: string; detail: string }[],
): { name: string; place: Found } | null {
  const name = plainName(header.name);
  if (header.type === "directory" || name.endsWith("/") || isNoise(name)) return null;
  checkName(name);
  if (header.type === "symlink") throw archiveError(`${name} is a symbolic link`);
  if (header.type === "link") {
    const place = files.get(plainName(header.linkname));
    if (place) return { name, place };
    left.push({ file: name, detail: "a link to a file that is not in the TAR" });
    return null;
  }
  if (header.type === "file" || header.type === "contiguous-file")
    return { name, place: { offset: (header as Placed).byteOffset, bytes: header.size } };
  left.push({ file: name, detail: `no file but a ${header.type}` });
  return null;
}
