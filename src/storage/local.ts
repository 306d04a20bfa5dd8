import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import {
  type FileHandle,
  link,
  mkdir,
  open,
  readdir,
  readFile,
  rm,
  stat,
  unlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { AppError } from "../lib/errors.ts";
import { digestFile, sha256, StreamDigest } from "../lib/hash.ts";
import { conflict, corrupted, notFound, unavailable } from "./failures.ts";
import { Flushes } from "./flushes.ts";
import { checkKey, checkPrefix } from "./key-check.ts";
import type { ObjectInfo, ObjectStore, PutFileOptions, StoredObject } from "./store.ts";

type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/**
 * Objects as plain files: `<dir>/objects/<key>`, and their SHA-256 in `<dir>/digests/<key>`.
 * An object comes into being with one exclusive link to a file that is complete and on disk, so a crash leaves
 * either the whole object or none, and of several writers one wins. Its digest follows, and is not flushed: one that a
 * crash has kept from being written is made from the object when it is next looked at.
 */
export class LocalStore implements ObjectStore {
  readonly #dir: string;
  readonly #flushed = new Flushes();
  #swept: Promise<void> | undefined;

  constructor(dir: string) {
    this.#dir = dir;
  }

  async put(key: string, data: Uint8Array): Promise<ObjectInfo> {
    return this.#put(key, () => [data]);
  }

  get nearby(): string {
    return join(this.#dir, "tmp");
  }

  async putFile(key: string, path: string, { given }: PutFileOptions = {}): Promise<ObjectInfo> {
    if (!given) return this.#put(key, () => chunksOf(path));
    const info = (await this.#take(path, { key, ...given })) ?? (await this.#put(key, () => chunksOf(path)));
    await unlink(path);
    return info;
  }

  async get(key: string): Promise<Buffer> {
    checkKey(key);
    try {
      const data = await readFile(this.#object(key));
      this.#compare(key, await this.#digest(key), sha256(data));
      return data;
    } catch (error) {
      if (isMissing(error)) throw notFound(key, error);
      throw unavailable("read", error);
    }
  }

  async getFile(key: string, path: string): Promise<void> {
    checkKey(key);
    const source = await open(this.#object(key)).catch((error: unknown) => {
      if (isMissing(error)) throw notFound(key, error);
      throw unavailable("read", error);
    });
    try {
      const digest = new StreamDigest();
      await writeFile(path, digest.through(source.createReadStream({ autoClose: false })));
      this.#compare(key, await this.#digest(key), digest.sha256());
    } catch (error) {
      await rm(path, { force: true });
      throw unavailable("read", error);
    } finally {
      await source.close();
    }
  }

  async stat(key: string): Promise<StoredObject | null> {
    checkKey(key);
    try {
      const { size, mtime } = await stat(this.#object(key));
      return { key, bytes: size, sha256: await this.#digest(key), writtenAt: mtime };
    } catch (error) {
      if (isMissing(error)) return null;
      throw unavailable("read", error);
    }
  }

  async delete(key: string): Promise<void> {
    checkKey(key);
    try {
      await rm(this.#object(key), { force: true });
      await rm(join(this.#dir, "digests", key), { force: true });
    } catch (error) {
      if (!isMissing(error)) throw unavailable("delete", error);
    }
  }

  async *list(prefix: string): AsyncIterable<string> {
    checkPrefix(prefix);
    yield* this.#walk(prefix.slice(0, prefix.lastIndexOf("/") + 1), prefix);
  }

  async check(): Promise<void> {
    try {
      await this.#write([new Uint8Array(1)], async () => {});
    } catch (error) {
      throw unavailable("write", error);
    }
  }

  async close(): Promise<void> {
    // Nothing is held open.
  }

  #object(key: string): string {
    return join(this.#dir, "objects", key);
  }

  async #put(key: string, source: () => Chunks): Promise<ObjectInfo> {
    checkKey(key);
    try {
      const digest = new StreamDigest();
      return await this.#write(digest.through(source()), (draft) =>
        this.#link(draft, { key, bytes: digest.bytes, sha256: digest.sha256() }),
      );
    } catch (error) {
      throw unavailable("write", error);
    }
  }

  /** Makes a file itself the object; null where it lies on another disk. */
  async #take(path: string, info: ObjectInfo): Promise<ObjectInfo | null> {
    checkKey(info.key);
    try {
      const file = await open(path, "r+");
      try {
        await file.sync();
      } finally {
        await file.close();
      }
      return await this.#link(path, info);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EXDEV") return null;
      throw unavailable("write", error);
    }
  }

  /** Gives a file that is on disk for good its key. */
  async #link(path: string, info: ObjectInfo): Promise<ObjectInfo> {
    const target = this.#object(info.key);
    for (;;) {
      if (await inFolderOf(target, () => exclusiveLink(path, target))) {
        await Promise.all([this.#record(info.key, info.sha256), this.#flushed.folder(dirname(target))]);
        return info;
      }
      const existing = await this.stat(info.key);
      // Null when someone deleted it since; then ours is as new as any.
      if (existing === null) continue;
      if (existing.sha256 !== info.sha256) throw conflict(info.key);
      return info;
    }
  }

  #compare(key: string, expected: string, found: string): void {
    if (found !== expected) throw corrupted(key, expected, found);
  }

  /** The recorded digest; of an object without one, that of its content, which is then recorded. */
  async #digest(key: string): Promise<string> {
    const text = await readFile(join(this.#dir, "digests", key), "utf8").catch((error: unknown) => {
      if (isMissing(error)) return "";
      throw error;
    });
    if (/^[0-9a-f]{64}$/.test(text)) return text;
    const made = await digestFile(this.#object(key));
    await this.#record(key, made.sha256);
    return made.sha256;
  }

  async #record(key: string, digest: string): Promise<void> {
    const target = join(this.#dir, "digests", key);
    await inFolderOf(target, () => writeFile(target, digest));
  }

  /** Writes a draft to disk, for good, and hands its path on; it is gone afterwards. */
  async #write<T>(data: Chunks, use: (draft: string) => Promise<T>): Promise<T> {
    await (this.#swept ??= sweep(this.nearby));
    const draft = join(this.nearby, `${process.pid}-${randomBytes(8).toString("hex")}`);
    let file: FileHandle | undefined;
    try {
      file = await inFolderOf(draft, () => open(draft, "wx"));
      await file.writeFile(data);
      await file.sync();
      await file.close();
      file = undefined;
      return await use(draft);
    } finally {
      await file?.close();
      await unlink(draft).catch((error: unknown) => {
        if (!isMissing(error)) throw error;
      });
    }
  }

  /** Keys in the order of their characters: a folder sorts as its name with the slash. */
  async *#walk(folder: string, prefix: string): AsyncIterable<string> {
    const entries = await readdir(this.#object(folder), { withFileTypes: true }).catch((error: unknown) => {
      if (isMissing(error)) return [];
      throw unavailable("list", error);
    });
    const names = entries.map((entry) => folder + entry.name + (entry.isDirectory() ? "/" : "")).sort();
    for (const name of names) {
      if (!name.startsWith(prefix) && !prefix.startsWith(name)) continue;
      if (name.endsWith("/")) yield* this.#walk(name, prefix);
      else if (name.startsWith(prefix)) yield name;
    }
  }
}

/** Files of so many bytes are read at once, for which a stream takes several times as long. */
const smallBytes = 256 * 1024;

/** Opens the file when the first chunk is asked for, so that one nobody reads is never left open. */
async function* chunksOf(path: string): AsyncGenerator<Uint8Array> {
  if ((await stat(path)).size <= smallBytes) yield await readFile(path);
  else yield* createReadStream(path) as AsyncIterable<Buffer>;
}

/** Does what needs the folder of `path`, which is made where it is not there. */
async function inFolderOf<T>(path: string, work: () => Promise<T>): Promise<T> {
  return work().catch(async (error: unknown) => {
    if (!isMissing(error)) throw error;
    await mkdir(dirname(path), { recursive: true });
    return work();
  });
}

/** Removes drafts that a crash left behind, once a process; no write takes a day. */
async function sweep(folder: string): Promise<void> {
  const dayAgo = Date.now() - 24 * 3600 * 1000;
  for (const name of await inFolderOf(join(folder, "any"), () => readdir(folder))) {
    const draft = join(folder, name);
    const { mtimeMs } = await stat(draft).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
    if (mtimeMs < dayAgo) await rm(draft, { force: true, recursive: true });
  }
}

/** False when the target is there already. */
async function exclusiveLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

const isMissing = (error: unknown): boolean =>
  !(error instanceof AppError) && ["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "");
