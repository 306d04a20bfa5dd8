/** Which Segment Anything a base model is: `sam` is the first (also MobileSAM), `sam2` is SAM 2 and 2.1. */
export const modelFamilies = ["sam", "sam2"] as const;
export type ModelFamily = (typeof modelFamilies)[number];
/** For people. */
export const familyNames: Readonly<Record<ModelFamily, string>> = { sam: "SAM", sam2: "SAM 2" };

/**
 * How an image fills the square frame of an encoder: `padded` keeps its shape and fills the rest on the right and below,
 * `stretched` scales each side by itself.
 */
export type Fit = "padded" | "stretched";

/** What each family wants. */
export const fits = { sam: "padded", sam2: "stretched" } as const satisfies Record<ModelFamily, Fit>;

/** One tensor of an embedding: where it lies in the flat float32 array that an image encoder gives. */
export interface EmbeddingPart {
  readonly name: string;
  /** [channels, rows, columns], channels first, as the encoder gives it. */
  readonly shape: readonly [channels: number, rows: number, columns: number];
  /** First float. */
  readonly offset: number;
  /** Floats. */
  readonly length: number;
}

/** SAM's image embedding; SAM 2's has no_memory_embedding added. */
const image = {
  name: "image_embedding",
  shape: [256, 64, 64],
  offset: 0,
  length: 256 * 64 * 64,
} as const satisfies EmbeddingPart;

/** SAM 2's skip features: conv_s0 and conv_s1, which are never trained, are the encoder's last layers here. */
const highRes0 = {
  name: "high_res_features_0",
  shape: [32, 256, 256],
  offset: image.length,
  length: 32 * 256 * 256,
} as const satisfies EmbeddingPart;
const highRes1 = {
  name: "high_res_features_1",
  shape: [64, 128, 128],
  offset: highRes0.offset + highRes0.length,
  length: 64 * 128 * 128,
} as const satisfies EmbeddingPart;

/** The parts of a family's embedding, one behind the other. */
export const embeddingParts = {
  sam: [image],
  sam2: [image, highRes0, highRes1],
} as const satisfies Record<ModelFamily, readonly EmbeddingPart[]>;

/** Floats of an embedding: 1,048,576 of SAM's, 4,194,304 of SAM 2's. */
export const embeddingLength = (family: ModelFamily): number =>
  embeddingParts[family].reduce((sum, { length }) => sum + length, 0);
