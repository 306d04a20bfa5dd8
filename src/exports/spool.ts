import { createReadStream, createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { temporaryFolder } from "../lib/temporary.ts";
import { StreamDigest } from "../lib/hash.ts";

type WithContent<Facts> = Facts & { content: Readable };

/** Runs `work` with a path in a temporary folder, which goes by `remove`, or at once where `work` throws. */
async function atPath<T>(work: (path: string, remove: () => Promise<void>) => Promise<T>): Promise<T> {
  const folder = await temporaryFolder("export");
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    return await work(join(folder, "file"), remove);
  } catch (error) {
    await remove();
    throw error;
  }
}

/** A file that `make` writes at the path it is given, in a temporary folder that goes with the stream of its content. */
export const fileInFolder = <Facts extends object>(
  make: (path: string) => Promise<Facts>,
): Promise<WithContent<Facts>> =>
  atPath(async (path, remove) => {
    const facts = await make(path);
    const content = createReadStream(path);
    content.once("close", () => void remove());
    return { ...facts, content };
  });

/** Writes a stream into a temporary file, so that its length and hash are known before its first byte is sent. */
export const spool = (source: Readable): Promise<{ bytes: number; sha256: string; content: Readable }> =>
  fileInFolder(async (path) => {
    const digest = new StreamDigest();
    await pipeline(
      source,
      (chunks: AsyncIterable<Uint8Array>) => digest.through(chunks),
      createWriteStream(path),
    );
    return { bytes: digest.bytes, sha256: digest.sha256() };
  });

/** Writes the file at the path that it is given, and calls `begin` once nobody may join any more. */
export type MakeJoined<Facts> = (path: string, begin: () => void) => Promise<Facts>;

interface Joined<Facts> {
  readers: number;
  /** Opens the file for one of them. */
  readonly made: Promise<() => WithContent<Facts>>;
}

/**
 * Files that many may ask for at once. Until one is begun, all who ask for the same wait for the one; who comes later has
 * another made.
 */
export class JoinedFiles<Facts extends object> {
  readonly #waiting = new Map<string, Joined<Facts>>();

  /** The file goes when the last of its streams is closed. Throws what `make` throws, to all who wait. */
  async get(key: string, make: MakeJoined<Facts>): Promise<WithContent<Facts>> {
    const joined = this.#waiting.get(key) ?? this.#start(key, make);
    joined.readers++;
    return (await joined.made)();
  }

  #start(key: string, make: MakeJoined<Facts>): Joined<Facts> {
    const begin = (): void => {
      if (this.#waiting.get(key) === joined) this.#waiting.delete(key);
    };
    const work = atPath(async (path, remove) => {
      const facts = await make(path, begin);
      let left = joined.readers;
      return () => {
        const content = createReadStream(path);
        content.once("close", () => void (--left === 0 && remove()));
        return { ...facts, content };
      };
    });
    const joined: Joined<Facts> = { readers: 0, made: work.finally(begin) };
    this.#waiting.set(key, joined);
    return joined;
  }
}
