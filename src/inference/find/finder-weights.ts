import { LRUCache } from "lru-cache";
import { decodeSafetensors } from "../../checkpoint/safetensors.ts";
import type { Finder } from "../../domain/finder.ts";
import { finderShapes } from "../../domain/finder-layout.ts";
import { AppError, messageOf } from "../../lib/errors.ts";
import { sha256 } from "../../lib/hash.ts";
import type { ObjectStore } from "../../storage/store.ts";
import { type PackedWeights, packWeights } from "../decoder/packed-weights.ts";

/** Finders kept in memory, some .4 MiB each. */
const maxFinders = 64;

/** Weights of finders, loaded once and shared by all workers. */
export class FinderWeights {
  readonly #store: ObjectStore;
  /** Promises, so that callers who ask at the same time share one load. */
  readonly #loaded = new LRUCache<string, Promise<PackedWeights>>({ max: maxFinders });

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** Throws AppError object_not_found, or object_corrupted when the file is not the one that was registered. */
  async get(finder: Finder): Promise<PackedWeights> {
    const id = `finder:${finder.sha256}`;
    let loading = this.#loaded.get(id);
    if (!loading) {
      loading = this.#load(id, finder);
      this.#loaded.set(id, loading);
    }
    try {
      return await loading;
    } catch (error) {
      // A failure is not kept: the next caller tries again.
      if (this.#loaded.peek(id) === loading) this.#loaded.delete(id);
      throw error;
    }
  }

  async #load(id: string, { key, sha256: registered, labels }: Finder): Promise<PackedWeights> {
    const file = await this.#store.get(key);
    const found = sha256(file);
    if (found !== registered)
      throw new AppError("object_corrupted", `a finder's weights have sha256 ${found}, not ${registered}`);
    try {
      const { tensors } = decodeSafetensors(file);
      for (const [name, shape] of Object.entries(finderShapes(labels.length)))
        if (tensors[name]?.shape.join() !== shape.join())
          throw new Error(`${name} is not [${shape.join(", ")}]`);
      return packWeights(id, tensors);
    } catch (error) {
      const message = `a finder's weights can't be used: ${messageOf(error)}`;
      throw new AppError("object_corrupted", message, { cause: error });
    }
  }
}
