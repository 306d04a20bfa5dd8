import { LRUCache } from "lru-cache";

/** What is loaded by an id, once for all who ask, and kept while it is among the last `most`. */
export class KeptLoads<Value extends object> {
  /** Promises, so that callers who ask at the same time share one load. */
  readonly #loads: LRUCache<string, Promise<Value>>;

  constructor(most: number) {
    this.#loads = new LRUCache({ max: most });
  }

  /** Throws what `load` throws; a failure is not kept, and the next caller tries again. */
  async get(id: string, load: () => Promise<Value>): Promise<Value> {
    let loading = this.#loads.get(id);
    if (!loading) {
      loading = load();
      this.#loads.set(id, loading);
    }
    try {
      return await loading;
    } catch (error) {
      if (this.#loads.peek(id) === loading) this.#loads.delete(id);
      throw error;
    }
  }
}
