import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { headMask, heads, scaled, spreadHeads } from "./attention.ts";
import type { ImagePrefix, Telling } from "./image-prefix.ts";
import { convTransposeMatrix, linear, matMulLast } from "./layers.ts";
import { noMask } from "./prompt-encoder.ts";
import { weight, width, type Weights } from "./types.ts";

/**
 * Products of the image tokens by what a prompt changes of them: the first transposed convolution of upscaling, and the
 * values of the second token-to-image attention. A layer tells image tokens of
 * the prompt by 8T rows, A' T (see imageToTokenAttention), then centres and scales each token: with E the embedding, A and
 * T of both layers, s their layer norms' 1 / deviation, and C the centring,
 *   X1 = s0 (E + A0' T0) C g0 + b0,   X2 = s1 (X1 + A1' T1) C g1 + b1,   coarse = X2 U + u.
 * So coarse / (s0 s1) = E G0 + A0' (T0 G0) + A1' / s0 (T1 G1) + 1 / s0 (b0 G1) + 1 / (s0 s1) (b1 U + u) with
 * G1 = C g1 U and G0 = C g0 G1. E G0 depends on no prompt, and the rest has 16T + 2 channels in place of 256.
 * The same results, up to rounding.
 */

/** What both, and the end of upscaling, want of a version's weights alone. A type, so that tf.tidy takes it. */
export type CoarseParts = {
  /** G0: [256, 256]. */
  readonly image: Tensor;
  /** Wo' G0 and Wo' G1 of the two layers' out_proj: [128, 256], and of a head's share of its bias: [256]. */
  readonly first: Tensor;
  readonly firstBias: Tensor;
  readonly second: Tensor;
  readonly secondBias: Tensor;
  /** b0 G1, then b1 U + u: [2, 256]. */
  readonly rest: Tensor;
  /** The second transposed convolution as a product: [64, 128] and [128], see convTransposeMatrix. */
  readonly fine: Tensor;
  readonly fineBias: Tensor;
  /** The same of the second layer's v_proj V in place of U, see toldValuesAttention: G = C g0 V, [256, 128]. */
  readonly values: Tensor;
  /** Wo' G and of a head's share of its bias, [128, 128] and [128]; b0 V and v_proj's bias, [128]. */
  readonly told: Tensor;
  readonly toldBias: Tensor;
  readonly valuesRest: Tensor;
};

/** What is wanted of them for a prompt; the others make the prefix. */
export type PromptParts = Omit<CoarseParts, "image" | "values">;

/** What depends on the image and the weights, and what on the weights alone. */
export type DecoderPrefix = ImagePrefix & { readonly parts: PromptParts };

const transformer = "mask_decoder.transformer.layers";

export function coarseParts(weights: Weights): CoarseParts {
  return tf.tidy(() => {
    const { matrix, bias } = convTransposeMatrix(weights, "mask_decoder.output_upscaling.0");
    const norm = (layer: number, part: string): Tensor =>
      weight(weights, `${transformer}.${layer}.norm4.${part}`);
    const centred = (layer: number, to: Tensor): Tensor => {
      const rows = tf.mul(tf.reshape(norm(layer, "weight"), [width, 1]), to);
      return tf.sub(rows, tf.mean(rows, 0, true));
    };
    const row = (x: Tensor): Tensor => tf.reshape(x, [1, width]);
    const g1 = centred(1, matrix);
    const g0 = centred(0, g1);
    const told = (layer: number, to: Tensor, more?: Tensor): [Tensor, Tensor] => {
      const out = `${transformer}.${layer}.cross_attn_image_to_token.out_proj`;
      const own = row(weight(weights, `${out}.bias`));
      const share = tf.mul(more ? tf.add(own, row(more)) : own, 1 / heads);
      return [matMul(weight(weights, `${out}.weight`), to, true), tf.reshape(matMul(share, to), [-1])];
    };
    const v = `${transformer}.1.cross_attn_token_to_image.v_proj`;
    const across = tf.transpose(weight(weights, `${v}.weight`));
    const values = centred(0, across);
    const [toldTo, toldBias] = told(0, values, noMask(weights));
    const shifted = tf.reshape(matMul(row(norm(0, "bias")), across), [-1]);
    const [first, firstBias] = told(0, g0, noMask(weights));
    const [second, secondBias] = told(1, g1);
    const fine = convTransposeMatrix(weights, "mask_decoder.output_upscaling.3");
    const last = tf.add(matMul(row(norm(1, "bias")), matrix), row(bias));
    return {
      image: g0,
      first,
      firstBias,
      second,
      secondBias,
      rest: tf.concat([matMul(row(norm(0, "bias")), g1), last], 0),
      fine: fine.matrix,
      fineBias: fine.bias,
      values,
      told: toldTo,
      toldBias,
      valuesRest: tf.add(shifted, weight(weights, `${v}.bias`)),
    };
  });
}

/** E G0 of an embedding: [1, 4096, 256]. */
export const coarseOfImage = (embedding: Tensor, { image }: Pick<CoarseParts, "image">): Tensor =>
  matMulLast(embedding, image);

/** How one layer told the image tokens of the prompt, and its layer norm's 1 / deviation [P, N, 1]. */
export type Told = Telling & { readonly inverse: Tensor };

/** coarse, [P, N, 256], of coarseOfImage [1, N, 256] and what both layers told the image tokens. */
export function coarseCells(
  image: Tensor,
  [first, second]: readonly [Told, Told],
  parts: PromptParts,
): Tensor {
  const [p = 0, rows = 0, n = 0] = first.attention.shape;
  const row = (x: Tensor): Tensor => tf.reshape(x, [p, 1, n]);
  const once = row(tf.div(1, first.inverse));
  const twice = tf.div(once, row(second.inverse));
  const factors = tf.concat([first.attention, tf.mul(second.attention, once), once, twice], 1);
  const rest = tf.tile(tf.reshape(parts.rest, [1, 2, width]), [p, 1, 1]);
  const told = [
    matMulLast(first.values, parts.first, { bias: parts.firstBias }),
    matMulLast(second.values, parts.second, { bias: parts.secondBias }),
  ];
  const channels = tf.concat([...told, rest], 1);
  if (channels.shape[1] !== 2 * rows + 2) throw new Error("the two layers have other tokens");
  // LayerNorm2d's epsilon is not small against the variance of every cell, so the scale counts
  return tf.mul(tf.add(tf.matMul(factors, channels, true), image), tf.mul(first.inverse, second.inverse));
}

/**
 * The second layer's token-to-image attention by the same sums: its values are s0 (E + A0' T0) C g0 V + b0 V, and E C g0 V
 * is in the prefix. query [P, T, 256], imageKeys [P, N, 256], to [P, T, 256].
 */
export function toldValuesAttention(
  query: Tensor,
  imageKeys: Tensor,
  { values, parts }: { readonly values: Tensor; readonly parts: PromptParts },
  told: Told,
  weights: Weights,
  name: string,
): Tensor {
  const [p = 0, t = 0] = query.shape;
  const n = imageKeys.shape[1] ?? 0;
  // As in tokenToImageAttention, up to the softmax
  const q = spreadHeads(scaled(linear(query, weights, `${name}.q_proj`)));
  const folded = matMulLast(q, weight(weights, `${name}.k_proj.weight`));
  const attention = tf.softmax(tf.matMul(folded, imageKeys, false, true)); // [P, 8T, N]
  const rows = tf.mul(attention, tf.reshape(told.inverse, [p, 1, n]));
  const own = tf.matMul(tf.reshape(rows, [p, heads, t, n]), values); // [P, 8, T, 16]
  const tokens = matMulLast(told.values, parts.told, { bias: parts.toldBias }); // [P, 8T, inner]
  const mixed = tf.matMul(tf.matMul(rows, told.attention, false, true), tokens);
  const inner = mixed.shape[2] ?? 0;
  const joined = tf.add(
    tf.reshape(tf.transpose(own, [0, 2, 1, 3]), [p, t, inner]),
    tf.sum(tf.mul(tf.reshape(mixed, [p, heads, t, inner]), headMask(inner)), 1),
  );
  return linear(tf.add(joined, parts.valuesRest), weights, `${name}.out_proj`);
}

const matMul = (a: Tensor, b: Tensor, transposed = false): Tensor => tf.matMul(a, b, transposed);
