import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { linear, matMulLast } from "./layers.ts";
import { weight, type Weights } from "./types.ts";

/** Heads of every attention in SAM's decoder. */
export const heads = 8;

/**
 * Attention with projections (segment-anything: modeling/transformer.py, class Attention), computed so that the many
 * image tokens are touched as little as possible.
 *
 * Between a few tokens and N image tokens, the projection of the image side is moved to the token side:
 * q (Wk x) = (q Wk) x, and A (Wv x) = (A x) Wv. The heads are kept apart by zeros: row (head, t) of `spread` holds only
 * its own head's channels. Then one attention is two products of [8T, 256] with the N image tokens, 234 MFLOP at
 * T = 7 and N = 4096, where projecting first costs 551, and nothing of the image's size is transposed.
 * Exact up to rounding.
 */

/**
 * Token self-attention. query, key, value [P, T, 256]; absent [P, 1, 1, T] is added to the scores of each key
 * (0, or a large negative number). Returns [P, T, 256].
 */
export function selfAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  weights: Weights,
  name: string,
  absent?: Tensor,
): Tensor {
  const [p = 0, t = 0, c = 0] = query.shape;
  const split = (x: Tensor, projection: string): Tensor => {
    const projected = linear(x, weights, `${name}.${projection}`);
    return tf.transpose(tf.reshape(projected, [p, t, heads, c / heads]), [0, 2, 1, 3]); // [P, heads, T, C / heads]
  };
  const q = tf.mul(split(query, "q_proj"), 1 / Math.sqrt(c / heads));
  const scores = tf.matMul(q, split(key, "k_proj"), false, true); // [P, heads, T, T]
  const attended = tf.matMul(tf.softmax(absent ? tf.add(scores, absent) : scores), split(value, "v_proj"));
  const joined = tf.reshape(tf.transpose(attended, [0, 2, 1, 3]), [p, t, c]);
  return linear(joined, weights, `${name}.out_proj`);
}

/**
 * Cross-attention from tokens to image. query [P, T, 256]; imageKeys and imageValues [I, N, 256] with I = P, or I = 1
 * for an image that all prompts share; logCounts [I, 1, N]: each image token stands for so many. Returns [P, T, 256].
 * k_proj.bias is left out: it adds the same number to a row of scores, which softmax does not see.
 */
export function tokenToImageAttention(
  query: Tensor,
  imageKeys: Tensor,
  imageValues: Tensor,
  weights: Weights,
  name: string,
  logCounts?: Tensor,
): Tensor {
  const [p = 0, t = 0, c = 0] = query.shape;
  const images = imageKeys.shape[0] ?? 1;
  const q = spreadHeads(scaled(linear(query, weights, `${name}.q_proj`))); // [P, 8T, inner]
  const folded = matMulLast(q, weight(weights, `${name}.k_proj.weight`)); // q . (Wk x) = (q Wk) . x
  // One shared image: the prompts' rows are simply more rows of one product
  const rows = tf.reshape(folded, [images, (p / images) * heads * t, c]);
  const scores = tf.matMul(rows, imageKeys, false, true); // [I, P / I * 8T, N]
  const attention = tf.softmax(logCounts ? tf.add(scores, logCounts) : scores);
  const mixed = tf.reshape(tf.matMul(attention, imageValues), [p, heads, t, c]);
  // A (Wv x) = (A x) Wv, each row with its head's part of Wv. A row of A sums to one, so the bias comes in whole.
  const values = matMulLast(mixed, weight(weights, `${name}.v_proj.weight`), { transposed: true });
  const joined = tf.sum(tf.mul(values, headMask(values.shape[3] ?? 0)), 1); // [P, T, inner]
  return linear(tf.add(joined, weight(weights, `${name}.v_proj.bias`)), weights, `${name}.out_proj`);
}

/**
 * Cross-attention from image to tokens. imageQueries [I, N, 256] with I = P or 1; key and value [P, T, 256];
 * absent [P, 1, 1, T] as in selfAttention. Returns [P, N, 256].
 */
export function imageToTokenAttention(
  imageQueries: Tensor,
  key: Tensor,
  value: Tensor,
  weights: Weights,
  name: string,
  absent?: Tensor,
): Tensor {
  const [p = 0, t = 0, c = 0] = key.shape;
  const [images = 1, n = 0] = imageQueries.shape;
  const rows = heads * t;
  const k = spreadHeads(scaled(linear(key, weights, `${name}.k_proj`))); // [P, 8T, inner]
  // (Wq x + b) . k = x . (k Wq) + b . k
  const queryBias = tf.reshape(weight(weights, `${name}.q_proj.bias`), [-1, 1]);
  let constant = tf.reshape(matMulLast(k, queryBias), [p, 1, heads, t]);
  if (absent) constant = tf.add(constant, absent);
  const folded = matMulLast(k, weight(weights, `${name}.q_proj.weight`)); // [P, 8T, 256]
  const shared = tf.reshape(folded, [images, (p / images) * rows, c]);
  let scores: Tensor = tf.matMul(imageQueries, shared, false, true); // [I, N, P / I * 8T]
  if (images !== p) scores = tf.transpose(tf.reshape(scores, [n, p, rows]), [1, 0, 2]);
  const attention = tf.softmax(tf.add(tf.reshape(scores, [p, n, heads, t]), constant)); // over the tokens of a head
  const v = spreadHeads(linear(value, weights, `${name}.v_proj`));
  // (A v) Wo = A (v Wo). The 8T entries of a row of A sum to 8, one for each head, so an eighth of the bias in each
  // row of v Wo is the bias once.
  const bias = tf.mul(weight(weights, `${name}.out_proj.bias`), 1 / heads);
  const told = matMulLast(v, weight(weights, `${name}.out_proj.weight`), { transposed: true, bias }); // [P, 8T, 256]
  return tf.matMul(tf.reshape(attention, [p, n, rows]), told);
}

/** Scores are divided by the square root of a head's width. x [P, T, inner]. */
export const scaled = (x: Tensor): Tensor => tf.mul(x, 1 / Math.sqrt((x.shape[2] ?? heads) / heads));

/** [P, T, C] to [P, heads * T, C]: row (head, t) keeps its head's channels, the others are zero. */
export function spreadHeads(x: Tensor): Tensor {
  const [p = 0, t = 0, c = 0] = x.shape;
  return tf.reshape(tf.mul(tf.reshape(x, [p, 1, t, c]), headMask(c)), [p, heads * t, c]);
}

/** [heads, 1, C]: 1 where the channel belongs to the head. */
export function headMask(c: number): Tensor {
  const each = c / heads;
  const values = Float32Array.from({ length: heads * c }, (_, i) =>
    Math.floor((i % c) / each) === Math.floor(i / c) ? 1 : 0,
  );
  return tf.tensor(values, [heads, 1, c]);
}
