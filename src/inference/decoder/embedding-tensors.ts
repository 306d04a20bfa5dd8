import type { Tensor } from "../../lib/onnxruntime.ts";
import { embeddingParts } from "../../domain/model-family.ts";
import { float32 } from "../workers/session.ts";
import type { ImageEmbedding } from "../types.ts";

/** What decoder graphs call the parts of an embedding (graphs/decoder.ts). */
const names = {
  image_embedding: "image_embedding",
  high_res_features_0: "skip_fine",
  high_res_features_1: "skip_coarse",
} as const;
type Feeds = { readonly image_embedding: Tensor } & Readonly<Record<string, Tensor>>;

/** The parts of an embedding as a decoder graph's inputs, read where they lie. */
export function embeddingTensors({ family, data }: Pick<ImageEmbedding, "family" | "data">): Feeds {
  const entries = embeddingParts[family].map(({ name, offset, length, shape }) => {
    const [channels, rows, columns] = shape;
    const part = data.subarray(offset, offset + length);
    return [names[name], float32(part, [1, rows * columns, channels])];
  });
  return Object.fromEntries(entries) as Feeds;
}
