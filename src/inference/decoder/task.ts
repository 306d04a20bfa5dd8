import type { DecoderGraph } from "../../graphs/files.ts";
import type { PackedWeights } from "./packed-weights.ts";
import type { ImageEmbedding } from "../types.ts";

/** What every run of the decoder needs, whatever is done with its masks. */
export interface DecoderTask {
  readonly graph: DecoderGraph;
  readonly threads: number;
  readonly weights: PackedWeights;
  readonly embedding: ImageEmbedding;
  /** Prefix of this embedding and these weights, or that it be made and given back; left out, the decoder runs whole. */
  readonly prefix?: SharedArrayBuffer | "make";
}

/** The tensors of a prefix, by the names of graph inputs and outputs: see graphs/decoder.ts. */
export const prefixParts = [
  ["prefix_keys", [1, 8, 16, 4096]],
  ["prefix_values", [1, 8, 4096, 16]],
  ["prefix_queries", [1, 8, 16, 4096]],
  ["prefix_later_values", [1, 8, 4096, 16]],
  ["prefix_coarse", [1, 4096, 256]],
] as const;

/** Values of a part. */
export const lengthOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Bytes of one prefix on shared memory: its tensors, one after the other. */
export const prefixBytes =
  Float32Array.BYTES_PER_ELEMENT * prefixParts.reduce((sum, [, shape]) => sum + lengthOf(shape), 0);
