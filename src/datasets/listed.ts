import { open, writeFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { AppError, messageOf } from "../lib/errors.ts";
import { linesOf } from "../lib/lines.ts";
import {
  type ArchiveEntry,
  type ArchiveReader,
  checkName,
  checkSize,
  checkTotal,
  isNoise,
  plainName,
  whole,
} from "./archive.ts";
import { partOfFile } from "./file-parts.ts";
import type { DatasetLimits } from "./limits.ts";
import { isImageName } from "./paths.ts";
import { fileChanged } from "./problems.ts";

/** A line of a listing: an object that lies elsewhere, under its name below the place that was asked for. */
export interface ListedFile {
  readonly name: string;
  readonly bytes: number;
  readonly etag: string;
  /** Gives it to whoever asks; null where it can't be read. */
  readonly url: string | null;
  /** Whether an import before this one has read the same content under this name. */
  readonly seen: boolean;
  /** Why it can't be read. */
  readonly asleep?: string;
}

interface Found {
  readonly bytes: number;
  readonly etag: string;
  /** Where its line stands in the listing: links are long, and 250,000 of them would fill the heap. */
  readonly offset: number;
  readonly length: number;
}

/** Attempts at one object, and milliseconds before the second. */
const attempts = 4;
const firstPauseMs = 250;

/**
 * Opens a listing, a ListedFile a line, with the rules for names and limits of a zip; names stay as they are, since what lies beside may change
 * which folder all share. Pictures are fetched where they are read; other files, which are read more than once, are kept at
 * `work` meanwhile. Throws AppError import_too_large.
 */
export async function openListed(
  path: string,
  { limits, work, signal }: { limits: DatasetLimits; work: string; signal?: AbortSignal | undefined },
): Promise<ArchiveReader> {
  const { found, entries, left, seen } = await entriesOf(path, limits, signal);
  const listing = await open(path);
  const copies = new Map<string, Promise<string>>();
  const fetched = async function* (name: string, stop?: AbortSignal): AsyncGenerator<Buffer, void> {
    const { offset, length, etag, bytes } = placeOf(found, name);
    const line = Buffer.alloc(length);
    await listing.read(line, 0, length, offset);
    const { url } = JSON.parse(line.toString("utf8")) as ListedFile;
    if (url === null) throw fileChanged(name, "it can't be read where it lies");
    yield* contentOf(name, { url, etag, bytes }, stop);
  };
  const copyOf = async (name: string, stop?: AbortSignal): Promise<string> => {
    const copy = `${work}.object-${copies.size}`;
    await writeFile(copy, fetched(name, stop));
    return copy;
  };
  const chunks: ArchiveReader["chunks"] = async function* (name, stop) {
    const place = placeOf(found, name);
    if (isImageName(name)) {
      yield* fetched(name, stop);
      return;
    }
    const copy = copies.get(name) ?? copyOf(name, stop);
    copies.set(name, copy);
    const handle = await open(await copy);
    try {
      yield* partOfFile(handle, name, { offset: 0, bytes: place.bytes }, stop);
    } finally {
      await handle.close();
    }
  };
  return {
    kind: "bucket",
    entries,
    left,
    seen,
    chunks,
    read: (name, stop) => whole(chunks(name, stop)),
    print: async (name) => placeOf(found, name).etag,
    close: () => listing.close(),
  };
}

function placeOf(found: ReadonlyMap<string, Found>, name: string): Found {
  const place = found.get(name);
  if (!place) throw new Error(`${name} is not in the listing`);
  return place;
}

async function entriesOf(path: string, limits: DatasetLimits, signal?: AbortSignal) {
  const found = new Map<string, Found>();
  const left: { file: string; detail: string }[] = [];
  const seen = new Set<string>();
  const count = { entries: 0, bytes: 0 };
  let offset = 0;
  for await (const lines of linesOf(path)) {
    signal?.throwIfAborted();
    for (const line of lines) {
      const length = Buffer.byteLength(line);
      const { bytes, etag, asleep, ...file } = JSON.parse(line) as ListedFile;
      const at = { offset, length };
      offset += length + 1;
      const name = plainName(file.name);
      if (isNoise(name)) continue;
      const fault = asleep ?? faultOf(name);
      if (fault !== null) {
        left.push({ file: name, detail: fault });
        continue;
      }
      if (found.has(name)) {
        left.push({ file: file.name, detail: "another object's key makes the same name" });
        continue;
      }
      count.entries++;
      count.bytes += bytes;
      checkTotal("bucket", count, limits);
      checkSize(name, bytes, limits);
      found.set(name, { bytes, etag, ...at });
      if (file.seen) seen.add(name);
    }
  }
  const names = [...found.keys()].sort((a, b) => (a < b ? -1 : 1));
  const entries = new Map<string, ArchiveEntry>(
    names.map((name) => [name, { name, bytes: placeOf(found, name).bytes }]),
  );
  return { found, entries, left, seen };
}

/** Others write to a bucket what names they like: one that is no path is left out, and the rest is read. */
function faultOf(name: string): string | null {
  try {
    checkName(name);
    return null;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return error.message;
  }
}

interface Listed {
  readonly url: string;
  readonly etag: string;
  readonly bytes: number;
}

/** An object as it was listed, and no other content. Throws AppError import_file_changed, or unavailable. */
async function* contentOf(
  name: string,
  listed: Listed,
  signal?: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  let came = 0;
  for (let attempt = 1; ; attempt++) {
    try {
      const headers = { "if-match": listed.etag, ...(came > 0 && { range: `bytes=${came}-` }) };
      const answer = await fetch(listed.url, { headers, redirect: "error", signal: signal ?? null });
      await requireTaken(name, answer, came > 0 ? 206 : 200);
      for await (const part of answer.body ?? []) {
        came += part.length;
        if (came > listed.bytes) throw fileChanged(name, `it has more than the ${listed.bytes} bytes listed`);
        yield Buffer.from(part);
      }
      if (came < listed.bytes) throw new Error(`${came} of ${listed.bytes} bytes came`);
      return;
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof AppError) throw error;
      if (attempt === attempts)
        throw new AppError("unavailable", `${name} can't be fetched: ${messageOf(error)}`, { cause: error });
      await pause(firstPauseMs * 2 ** attempt, undefined, { signal });
    }
  }
}

async function requireTaken(name: string, answer: Response, wanted: number): Promise<void> {
  const { status } = answer;
  if (status === wanted) return;
  if (status === 412 || status === 404) throw fileChanged(name, "it has changed since the bucket was listed");
  const why = await beginningOf(answer);
  // Links end with the credentials behind them; another attempt makes new ones and goes on from here.
  if (/<Code>ExpiredToken|has expired/.test(why))
    throw new AppError("unavailable", `${name} can't be fetched: the link to it has ended`);
  if (status === 403) throw fileChanged(name, "the bucket does not let it be read (403)");
  throw new Error(`the bucket answered ${status}`);
}

/** So much of a refusal is read: a server that gives the whole object instead is not followed to its end. */
const refusalBytes = 4096;

async function beginningOf({ body }: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of body ?? []) {
    parts.push(part);
    bytes += part.length;
    // Leaving the loop cancels the rest.
    if (bytes >= refusalBytes) break;
  }
  return Buffer.concat(parts).toString("utf8", 0, refusalBytes);
}
