import type { Tensor } from "@tensorflow/tfjs-core";

/** Weights by Meta's names, shapes as PyTorch stores them (checkpoint/layout.ts). All float32. */
export type Weights = Readonly<Record<string, Tensor>>;

/** Side of the image embedding: 64 x 64 cells of 16 pixels. */
export const gridSide = 64;
/** Image tokens of one embedding, row by row. */
export const imageTokens = gridSide * gridSide;
/** Side of SAM's square frame in pixels. */
export const frameSide = 1024;
/** Side of the low-res masks: each image token becomes 4 x 4 cells. */
export const maskSide = 256;
/** Width of every token. */
export const width = 256;

/** What a prompt label says; `absent` is our own and only for batches of prompts of different lengths. */
export const label = {
  foreground: 1,
  background: 0,
  boxStart: 2,
  boxEnd: 3,
  padding: -1,
  absent: -2,
} as const;

/** A named weight. Throws an Error with its name when it is missing. */
export function weight(weights: Weights, name: string): Tensor {
  const tensor = weights[name];
  if (!tensor) throw new Error(`the weight ${name} is missing`);
  return tensor;
}
