import type { Inference } from "../../inference/inference.ts";
import { keys } from "../../storage/keys.ts";
import type { ObjectStore } from "../../storage/store.ts";
import type { SnapshotImage } from "./snapshot.ts";

/** Look-ups at a time: on S3 each is a round trip. */
const lookups = 16;

/** How many images have no embedding in the store, which a fine-tune will have to make. */
export async function countMissing(
  { store, inference }: { store: ObjectStore; inference: Pick<Inference, "baseModel"> },
  images: readonly SnapshotImage[],
  options: { workspaceId: string; baseModel: string; signal: AbortSignal },
): Promise<number> {
  const { embeddingId } = await inference.baseModel(options.baseModel);
  let missing = 0;
  for (let from = 0; from < images.length; from += lookups) {
    options.signal.throwIfAborted();
    const some = images.slice(from, from + lookups);
    const found = await Promise.all(
      some.map(async ({ sha256 }) => store.stat(keys.embedding(options.workspaceId, embeddingId, sha256))),
    );
    missing += found.filter((one) => one === null).length;
  }
  return missing;
}
