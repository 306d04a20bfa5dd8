import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { linear } from "../layers.ts";
import type { Weights } from "../types.ts";

/** Above so many scores, heads are computed one after the other: one head's scores are all that lies in memory. */
const scoresAtOnce = 2 ** 22;

/**
 * Attention inside each of W windows (sam2: modeling/backbones/hieradet.py, MultiScaleAttention).
 * x [W, side, side, inputs] to [W, side, side, width]; with `halves` each 2 x 2 queries become their largest values,
 * and the result is [W, side / 2, side / 2, width].
 */
export function hieraAttention(
  x: Tensor,
  weights: Weights,
  name: string,
  { heads, width, halves }: { heads: number; width: number; halves: boolean },
): Tensor {
  const [windows = 0, side = 0] = x.shape;
  const each = width / heads;
  const projected = linear(x, weights, `${name}.qkv`); // [W, side, side, 3 width], a head's channels together
  const stack = windows * heads;
  const part = (i: number): Tensor => tf.slice(projected, [0, 0, 0, i * width], [windows, side, side, width]);
  const byHead = (tokens: Tensor): Tensor => {
    const count = (tokens.shape[1] ?? 0) ** 2;
    const split = tf.reshape<tf.Rank.R4>(tokens, [windows, count, heads, each]);
    return tf.reshape(tf.transpose(split, [0, 2, 1, 3]), [stack, count, each]);
  };
  const wanted = halves ? largestOfFour(part(0)) : part(0);
  const out = wanted.shape[1] ?? 0;
  const [q, k, v] = [byHead(tf.mul(wanted, 1 / Math.sqrt(each))), byHead(part(1)), byHead(part(2))];

  const attend = (from: number, count: number): Tensor => {
    const take = (tensor: Tensor): Tensor =>
      count === stack ? tensor : tf.slice(tensor, [from, 0, 0], [count, tensor.shape[1] ?? 0, each]);
    return tf.matMul(tf.softmax(tf.matMul(take(q), take(k), false, true)), take(v));
  };
  const large = out ** 2 * side ** 2 > scoresAtOnce;
  const mixed = large
    ? tf.concat(
        Array.from({ length: stack }, (_, i) => attend(i, 1)),
        0,
      )
    : attend(0, stack);
  const joined = tf.transpose(tf.reshape<tf.Rank.R4>(mixed, [windows, heads, out * out, each]), [0, 2, 1, 3]);
  return linear(tf.reshape(joined, [windows, out, out, width]), weights, `${name}.proj`);
}

/** MaxPool2d with kernel and stride 2: [W, side, side, C] to [W, side / 2, side / 2, C]. */
export function largestOfFour(x: Tensor): Tensor {
  const [windows = 0, side = 0, , c = 0] = x.shape;
  const half = side / 2;
  const larger = (pairs: Tensor): Tensor => {
    const [n = 0, , length = 0] = pairs.shape;
    const one = (i: number): Tensor => tf.slice(pairs, [0, i, 0], [n, 1, length]);
    return tf.maximum(one(0), one(1));
  };
  const rows = larger(tf.reshape(x, [windows * half, 2, side * c]));
  return tf.reshape(larger(tf.reshape(rows, [windows * half * half, 2, c])), [windows, half, half, c]);
}
