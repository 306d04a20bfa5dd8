/** One weight: row-major values and its shape, as PyTorch stores it (a Linear is [out, in]). */
export interface NamedTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Weights by Meta's own names (`mask_decoder.transformer.layers.0.self_attn.q_proj.weight`), never by position. */
export type NamedTensors = Readonly<Record<string, NamedTensor>>;
