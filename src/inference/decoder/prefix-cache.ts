import { LRUCache } from "lru-cache";
import { type DecoderTask, prefixBytes } from "./task.ts";
import type { ImageEmbedding } from "../types.ts";
import type { ViewResult, ViewTask } from "./view-task.ts";

type Asked = SharedArrayBuffer | "make" | undefined;

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

  /** Runs a task on one embedding with its prefix, and keeps the one that it made. */
  async with<T extends DecoderTask, R extends { readonly prefix?: SharedArrayBuffer }>(
    task: T,
    run: (task: T) => Promise<R>,
  ): Promise<R> {
    const { prefixes, keep } = this.#of(task, [task.embedding]);
    const [prefix] = prefixes;
    const result = await run(prefix ? { ...task, prefix } : task);
    keep([result.prefix]);
    return result;
  }

  /** The same for every view of a task. */
  async withViews(task: ViewTask, run: (task: ViewTask) => Promise<ViewResult>): Promise<ViewResult> {
    const { prefixes, keep } = this.#of(
      task,
      task.views.map(({ embedding }) => embedding),
    );
    const views = task.views.map((view, i) => ({ ...view, ...(prefixes[i] && { prefix: prefixes[i] }) }));
    const result = await run({ ...task, views });
    keep(result.prefixes);
    return result;
  }

  /** The prefix of each embedding, or that it be made, or nothing; and what to do with those that were made. */
  #of(
    { graph, weights }: Pick<DecoderTask, "graph" | "weights">,
    embeddings: readonly ImageEmbedding[],
  ): { prefixes: readonly Asked[]; keep: (made: readonly (SharedArrayBuffer | undefined)[]) => void } {
    if (!this.#on || !graph.split) return { prefixes: [], keep: () => undefined };
    const entries = embeddings.map((embedding) => {
      const number = this.#numberOf(embedding);
      return { embedding, number, key: `${number}:${weights.id}` };
    });
    return {
      prefixes: entries.map(({ key }) => this.#kept.get(key) ?? "make"),
      keep: (made) => {
        for (const [i, { embedding, number, key }] of entries.entries()) {
          const prefix = made[i];
          // Unless the embedding has left meanwhile
          if (prefix && this.#numbers.get(embedding.data) === number) this.#kept.set(key, prefix);
        }
      },
    };
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
