import type { Inference } from "../../inference/inference.ts";
import { keys } from "../../storage/keys.ts";
import { imageSource } from "../../storage/named-objects.ts";
import type { ObjectStore } from "../../storage/store.ts";

/** An image whose embedding is wanted. */
export interface EmbeddableImage {
  readonly id: string;
  readonly sha256: string;
  readonly objectKey: string;
}

/** Look-ups at a time: on S3 each is a round trip. */
const lookups = 16;

/**
 * Encodes the images whose embeddings are not stored yet, one after the other; how many those were.
 * `onDone` is called after each image, the stored ones counted first; `before` runs ahead of every encode and may wait.
 * Throws the signal's reason, or what the encoder says of an image that can't be read.
 */
export async function embedMissing(
  deps: { store: ObjectStore; inference: Inference },
  images: readonly EmbeddableImage[],
  options: {
    workspaceId: string;
    baseModel: string;
    signal: AbortSignal;
    onDone?: (done: number) => Promise<void>;
    before?: (image: EmbeddableImage) => Promise<void>;
  },
): Promise<number> {
  const { embeddingId } = await deps.inference.baseModel(options.baseModel);
  const missing: EmbeddableImage[] = [];
  for (let from = 0; from < images.length; from += lookups) {
    options.signal.throwIfAborted();
    const some = images.slice(from, from + lookups);
    const found = await Promise.all(
      some.map(async ({ sha256 }) =>
        deps.store.stat(keys.embedding(options.workspaceId, embeddingId, sha256)),
      ),
    );
    missing.push(...some.filter((_, i) => found[i] === null));
  }
  let done = images.length - missing.length;
  await options.onDone?.(done);
  for (const image of missing) {
    await options.before?.(image);
    options.signal.throwIfAborted();
    const { workspaceId, baseModel, signal } = options;
    await deps.inference.embed(imageSource(deps.store, image), { workspaceId, baseModel, signal });
    await options.onDone?.(++done);
  }
  return missing.length;
}
