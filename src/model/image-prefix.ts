import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { heads, scaled, spreadHeads } from "./attention.ts";
import { linear, matMulLast } from "./layers.ts";
import { weight, type Weights } from "./types.ts";

/**
 * The decoder's prefix: what its first layer makes of the image before any prompt is looked at. Image tokens are the
 * same for every prompt until the first image-to-token attention has told them of it, so without a mask prompt three
 * projections of theirs depend on the image and the weights alone. Made once, they replace the products of attention.ts
 * over 256 channels and all heads' rows by products over the 16 channels of a head. The same results, up to rounding.
 */

/** What the decoder makes of one image, kept apart by head; all float32. A type, not an interface, so that tf.tidy takes it. */
export type ImagePrefix = {
  /** Keys of the first token-to-image attention, without k_proj.bias (see attention.ts): [1, 8, 16, 4096]. */
  readonly keys: Tensor;
  /** [1, 8, 4096, 16]. */
  readonly values: Tensor;
  /** Queries of the first image-to-token attention: [1, 8, 16, 4096]. */
  readonly queries: Tensor;
  /** Values of the second token-to-image attention that a prompt does not change: see toldValuesAttention, [1, 8, 4096, 16]. */
  readonly laterValues: Tensor;
  /** The image's part in upscaling: coarseOfImage, [1, 4096, 256]. */
  readonly coarse: Tensor;
};

/** Projects the image tokens [1, N, 256] that the first layer sees, and these with their positional encoding added. */
export function projectImage(
  image: Tensor,
  imageWithPe: Tensor,
  weights: Weights,
  layer: string,
): Pick<ImagePrefix, "keys" | "values" | "queries"> {
  const told = `${layer}.cross_attn_image_to_token`;
  const seen = `${layer}.cross_attn_token_to_image`;
  const keyWeight = weight(weights, `${seen}.k_proj.weight`);
  return {
    keys: byHead(matMulLast(imageWithPe, keyWeight, { transposed: true }), true),
    values: byHead(linear(image, weights, `${seen}.v_proj`), false),
    queries: byHead(linear(imageWithPe, weights, `${told}.q_proj`), true),
  };
}

/** tokenToImageAttention on a prefix: query [P, T, 256] to [P, T, 256]. */
export function tokenToPrefixAttention(
  query: Tensor,
  { keys, values }: ImagePrefix,
  weights: Weights,
  name: string,
): Tensor {
  const [p = 0, t = 0] = query.shape;
  const q = byHead(scaled(linear(query, weights, `${name}.q_proj`)), false); // [P, 8, T, 16]
  const mixed = tf.matMul(tf.softmax(tf.matMul(q, keys)), values);
  const joined = tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [p, t, -1]);
  return linear(joined, weights, `${name}.out_proj`);
}

/** What image tokens are told of P prompts, before it is multiplied out: see `tell`. */
export type Telling = {
  /** Softmax over a head's tokens, [P, 8T, N]: row (head, t). */
  readonly attention: Tensor;
  /** v_proj of the tokens with the heads kept apart by zeros, [P, 8T, inner]: see spreadHeads. */
  readonly values: Tensor;
};

/** imageToTokenAttention on a prefix: key and value [P, T, 256], absent [P, 1, 1, T]. */
export function prefixToTokenAttention(
  { queries }: ImagePrefix,
  key: Tensor,
  value: Tensor,
  weights: Weights,
  name: string,
  absent?: Tensor,
): Telling {
  const [p = 0, t = 0] = key.shape;
  const k = byHead(scaled(linear(key, weights, `${name}.k_proj`)), false); // [P, 8, T, 16]
  const scores = tf.matMul(k, queries); // [P, 8, T, N]
  const hidden = absent && tf.reshape(absent, [p, 1, t, 1]);
  return telling(hidden ? tf.add(scores, hidden) : scores, value, weights, name);
}

/** The same where image tokens differ from prompt to prompt: imageQueries [P, N, 256]. */
export function imageTelling(
  imageQueries: Tensor,
  key: Tensor,
  value: Tensor,
  weights: Weights,
  name: string,
  absent?: Tensor,
): Telling {
  const [p = 0, t = 0] = key.shape;
  const k = spreadHeads(scaled(linear(key, weights, `${name}.k_proj`))); // [P, 8T, inner]
  // See imageToTokenAttention
  const queryBias = tf.reshape(weight(weights, `${name}.q_proj.bias`), [-1, 1]);
  let constant = tf.reshape(matMulLast(k, queryBias), [p, heads, t, 1]);
  if (absent) constant = tf.add(constant, tf.reshape(absent, [p, 1, t, 1]));
  const folded = matMulLast(k, weight(weights, `${name}.q_proj.weight`)); // [P, 8T, 256]
  const scores = tf.reshape(tf.matMul(folded, imageQueries, false, true), [p, heads, t, -1]);
  return telling(tf.add(scores, constant), value, weights, name);
}

function telling(scores: Tensor, value: Tensor, weights: Weights, name: string): Telling {
  const [p = 0, , t = 0, n = 0] = scores.shape;
  // Softmax over the tokens, an axis that is not the last: as it lies, where softmax itself would have to transpose
  const powers = tf.exp(tf.sub(scores, tf.max(scores, 2, true)));
  const attention = tf.reshape(tf.div(powers, tf.sum(powers, 2, true)), [p, heads * t, n]);
  return { attention, values: spreadHeads(linear(value, weights, `${name}.v_proj`)) };
}

/** What a layer adds to the image tokens: [P, N, 256]. `more` [256] comes on top of the bias. */
export function tell({ attention, values }: Telling, weights: Weights, name: string, more?: Tensor): Tensor {
  const own = weight(weights, `${name}.out_proj.bias`);
  // See imageToTokenAttention
  const bias = tf.mul(more ? tf.add(own, more) : own, 1 / heads);
  const told = matMulLast(values, weight(weights, `${name}.out_proj.weight`), { transposed: true, bias });
  return tf.matMul(attention, told, true);
}

/** [P, T, C] to [P, heads, T, C / heads], or with the last two axes the other way round. */
export function byHead(x: Tensor, channelsFirst: boolean): Tensor {
  const [p = 0, t = 0, c = 0] = x.shape;
  const split = tf.reshape(x, [p, t, heads, c / heads]);
  return tf.transpose(split, channelsFirst ? [0, 2, 3, 1] : [0, 2, 1, 3]);
}
