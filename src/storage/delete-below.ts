import type { ObjectStore } from "./store.ts";

/** Removes every object below a prefix that nobody writes to any more. */
export async function deleteBelow(store: ObjectStore, prefix: string): Promise<void> {
  for await (const key of store.list(prefix)) await store.delete(key);
}
