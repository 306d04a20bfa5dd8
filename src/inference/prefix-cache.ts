import { LRUCache } from "lru-cache";
import { type DecoderTask, prefixBytes } from "./decoder-task.ts";
import type { ImageEmbedding } from "./types.ts";

/**
 * What the decoder computes of an image before it looks at a prompt, kept for the next prompt on the same embedding
 * with the same weights (model/image-prefix.ts). The first run makes it, in whichever worker; all workers read it.
 */
export class PrefixCache {
  readonly #kept: LRUCache<string, SharedArrayBuffer>;
  readonly #on: boolean;
  readonly #numbers = new WeakMap<Float32Array, number>();
  #last = 0;

  /** @param bytes at most; below those of one prefix, nothing is kept and decoders run whole */
  constructor(bytes: number) {
    this.#kept = new LRUCache({ max: Math.max(1, Math.floor(bytes / prefixBytes)) });
    this.#on = bytes >= prefixBytes;
  }

  /** Runs a task with its prefix, and keeps the one that it made. */
  async with<T extends DecoderTask, R extends { readonly prefix?: SharedArrayBuffer }>(
    task: T,
    run: (task: T) => Promise<R>,
  ): Promise<R> {
    if (!this.#on || !task.graph.split) return run(task);
    const number = this.#numberOf(task.embedding);
    const key = `${number}:${task.weights.id}`;
    const result = await run({ ...task, prefix: this.#kept.get(key) ?? "make" });
    // Unless the embedding has left meanwhile
    if (result.prefix && this.#numbers.get(task.embedding.data) === number)
      this.#kept.set(key, result.prefix);
    return result;
  }

  /** An embedding that is gone from memory takes its prefixes with it. */
  forget(embedding: ImageEmbedding): void {
    const number = this.#numbers.get(embedding.data);
    if (number === undefined) return;
    this.#numbers.delete(embedding.data);
    const own = Array.from(this.#kept.keys()).filter((key) => key.startsWith(`${number}:`));
    for (const key of own) this.#kept.delete(key);
  }

  #numberOf({ data }: ImageEmbedding): number {
    const number = this.#numbers.get(data) ?? ++this.#last;
    this.#numbers.set(data, number);
    return number;
  }
}
