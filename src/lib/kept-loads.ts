import { LRUCache } from "lru-cache";

/** How much is kept: so many, or so many bytes of what `bytesOf` counts. */
export type KeptMost<Value> = number | { readonly bytes: number; readonly bytesOf: (value: Value) => number };

/** What is loaded by an id, once for all who ask; the least recently asked for go where it is more than `most`. */
export class KeptLoads<Value extends object> {
  /** Promises, so that callers who ask at the same time share one load. */
  readonly #loads: LRUCache<string, Promise<Value>>;
  readonly #bytesOf: ((value: Value) => number) | null;

  constructor(most: KeptMost<Value>) {
    const counted = typeof most === "number";
    this.#loads = new LRUCache(counted ? { max: most } : { maxSize: most.bytes });
    this.#bytesOf = counted ? null : most.bytesOf;
  }

  /** Throws what `load` throws; a failure is not kept, and the next caller tries again. */
  async get(id: string, load: () => Promise<Value>): Promise<Value> {
    const loading = this.#loads.get(id) ?? this.#begin(id, load());
    try {
      return await loading;
    } catch (error) {
      if (this.#loads.peek(id) === loading) this.#loads.delete(id);
      throw error;
    }
  }

  /** What is being loaded counts one byte until its size is known. */
  #begin(id: string, work: Promise<Value>): Promise<Value> {
    const bytesOf = this.#bytesOf;
    if (!bytesOf) {
      this.#loads.set(id, work);
      return work;
    }
    const loading = work.then((value) => {
      if (this.#loads.peek(id) === loading) {
        // The cache keeps a value's first size, and keeps nothing larger than all that it may.
        this.#loads.delete(id);
        this.#loads.set(id, loading, { size: bytesOf(value) });
      }
      return value;
    });
    this.#loads.set(id, loading, { size: 1 });
    return loading;
  }
}
