import { randomBytes } from "node:crypto";
import { type FileHandle, link, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { AppError } from "../lib/errors.ts";
import { sha256 } from "../lib/hash.ts";
import { conflict, corrupted, notFound, unavailable } from "./failures.ts";
import { checkKey, checkPrefix } from "./key-check.ts";
import type { ObjectInfo, ObjectStore } from "./store.ts";

/**
 * Objects as plain files: `<dir>/objects/<key>`, and their SHA-256 in `<dir>/digests/<key>`.
 * An object comes into being with one exclusive link to a file that is complete and on disk, so a crash leaves
 * either the whole object or none, and of several writers one wins. Its digest follows; one that a crash has
 * kept from being written is made from the object when it is next looked at.
 */
export class LocalStore implements ObjectStore {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  async put(key: string, data: Uint8Array): Promise<ObjectInfo> {
    checkKey(key);
    const digest = sha256(data);
    try {
      const target = this.#object(key);
      const made = await this.#write(data, async (draft) => {
        await mkdir(dirname(target), { recursive: true });
        return exclusiveLink(draft, target);
      });
      if (made) {
        await this.#record(key, digest);
        return { key, bytes: data.length, sha256: digest };
      }
      const existing = await this.stat(key);
      // Null when someone deleted it since; then ours is as new as any.
      if (existing === null) return await this.put(key, data);
      if (existing.sha256 !== digest) throw conflict(key);
      return existing;
    } catch (error) {
      throw unavailable("write", error);
    }
  }

  async get(key: string): Promise<Buffer> {
    checkKey(key);
    try {
      const data = await readFile(this.#object(key));
      const expected = await this.#digest(key, data);
      const found = sha256(data);
      if (found !== expected) throw corrupted(key, expected, found);
      return data;
    } catch (error) {
      if (isMissing(error)) throw notFound(key, error);
      throw unavailable("read", error);
    }
  }

  async stat(key: string): Promise<ObjectInfo | null> {
    checkKey(key);
    try {
      const { size } = await stat(this.#object(key));
      return { key, bytes: size, sha256: await this.#digest(key) };
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
      await this.#write(new Uint8Array(1), async () => {});
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

  /** The recorded digest; of an object without one, that of its content, which is then recorded. */
  async #digest(key: string, content?: Buffer): Promise<string> {
    const text = await readFile(join(this.#dir, "digests", key), "utf8").catch((error: unknown) => {
      if (isMissing(error)) return "";
      throw error;
    });
    if (/^[0-9a-f]{64}$/.test(text)) return text;
    const made = sha256(content ?? (await readFile(this.#object(key))));
    await this.#record(key, made);
    return made;
  }

  async #record(key: string, digest: string): Promise<void> {
    const target = join(this.#dir, "digests", key);
    await this.#write(Buffer.from(digest), async (draft) => {
      await mkdir(dirname(target), { recursive: true });
      await rename(draft, target);
    });
    await syncFolder(dirname(target));
    await syncFolder(dirname(this.#object(key)));
  }

  /** Writes a draft to disk, for good, and hands its path on; it is gone afterwards. */
  async #write<T>(data: Uint8Array, use: (draft: string) => Promise<T>): Promise<T> {
    const folder = join(this.#dir, "tmp");
    await mkdir(folder, { recursive: true });
    const draft = join(folder, `${process.pid}-${randomBytes(8).toString("hex")}`);
    let file: FileHandle | undefined;
    try {
      file = await open(draft, "wx");
      await file.writeFile(data);
      await file.sync();
      await file.close();
      file = undefined;
      return await use(draft);
    } finally {
      await file?.close();
      await rm(draft, { force: true });
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

/** Makes new names in a folder outlive a power cut. Windows can't, and needn't. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const isMissing = (error: unknown): boolean =>
  !(error instanceof AppError) && ["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "");
