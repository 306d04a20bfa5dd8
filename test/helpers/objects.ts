import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LocalStore } from "../../src/storage/local.ts";
import type { ObjectStore } from "../../src/storage/store.ts";

export interface TestStore {
  readonly store: ObjectStore;
  /** Flips one bit of what is stored, behind the store's back. */
  readonly damage: (key: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** All keys below a prefix. */
export async function keysBelow(store: ObjectStore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const key of store.list(prefix)) keys.push(key);
  return keys;
}

/** An empty store on local disk. */
export async function localTestStore(): Promise<TestStore & { store: LocalStore; dir: string }> {
  const dir = await mkdtemp(join(tmpdir(), "maskwright-objects-"));
  const store = new LocalStore(dir);
  return {
    dir,
    store,
    damage: async (key) => {
      const path = join(dir, "objects", key);
      await writeFile(path, flipped(await readFile(path)));
    },
    close: () => rm(dir, { recursive: true, force: true }),
  };
}

/** The same store but for some of its calls: to see what a store that fails leads to. */
export function wrapStore(store: ObjectStore, changed: Partial<ObjectStore>): ObjectStore {
  return {
    put: (key, data, options) => store.put(key, data, options),
    putFile: (key, path, options) => store.putFile(key, path, options),
    get: (key) => store.get(key),
    getFile: (key, path) => store.getFile(key, path),
    stat: (key) => store.stat(key),
    delete: (key) => store.delete(key),
    list: (prefix) => store.list(prefix),
    ...(store.links && { links: store.links }),
    check: () => store.check(),
    close: () => store.close(),
    ...changed,
  };
}

/** One bit of them is another. */
export function flipped(data: Buffer): Buffer {
  const copy = Buffer.from(data);
  const middle = copy.length >> 1;
  copy.writeUInt8(copy.readUInt8(middle) ^ 1, middle);
  return copy;
}
