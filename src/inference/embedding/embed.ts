import { inSpan } from "../../lib/trace.ts";
import type { Inference } from "../inference.ts";
import type { Running } from "../turns/running.ts";
import type { EmbeddingCache } from "./cache.ts";

type Embed = Inference["embed"];

/** The embedding of an image, once it is stored too. */
export const embedStored =
  (embeddings: EmbeddingCache): Embed =>
  async (image, options) => {
    const embedded = await find(embeddings, image, options);
    await embedded.stored;
    return embedded;
  };

/**
 * The embedding of an image for an answer that does not wait until it is stored: `running` does, and `onUnstored` hears
 * where that fails.
 */
export const embedAtOnce =
  (embeddings: EmbeddingCache, running: Running, onUnstored: (error: unknown) => void): Embed =>
  async (image, options) => {
    const embedded = await find(embeddings, image, options);
    if (embedded.stored) running.hold(embedded.stored.catch(onUnstored));
    return embedded;
  };

const find = (embeddings: EmbeddingCache, ...[image, options]: Parameters<Embed>): ReturnType<Embed> =>
  inSpan("embedding", {}, async (span) => {
    const embedded = await embeddings.get(image, options);
    span.setAttribute("maskwright.embedding_from", embedded.from);
    return embedded;
  });
