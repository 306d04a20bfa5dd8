import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { layerNorm, linear } from "../layers.ts";
import { weight, type Weights } from "../types.ts";

/**
 * Attention inside each of W windows, with a learnt bias for every distance between two tokens (MobileSAM:
 * tiny_vit_sam.py, Attention). x [W, side, side, C], not normalised, padding with zeros; to the same shape.
 */
export function windowAttention(x: Tensor, weights: Weights, name: string, heads: number): Tensor {
  const [windows = 0, side = 0, , width = 0] = x.shape;
  const [count, each] = [side * side, width / heads];
  const projected = linear(layerNorm(x, weights, `${name}.norm`), weights, `${name}.qkv`);
  // A head's q, k and v lie together
  const split = tf.reshape<tf.Rank.R5>(projected, [windows, count, heads, 3, each]);
  const parts = tf.reshape<tf.Rank.R4>(tf.transpose(split, [3, 0, 2, 1, 4]), [
    3,
    windows * heads,
    count,
    each,
  ]);
  const part = (i: number): Tensor =>
    tf.reshape(tf.slice(parts, [i, 0, 0, 0], [1, windows * heads, count, each]), [
      windows * heads,
      count,
      each,
    ]);
  const scores = tf.matMul(tf.mul(part(0), 1 / Math.sqrt(each)), part(1), false, true);
  const near = tf.add(tf.reshape(scores, [windows, heads, count, count]), biases(weights, name, side));
  const mixed = tf.matMul(tf.reshape(tf.softmax(near), [windows * heads, count, count]), part(2));
  const joined = tf.transpose(tf.reshape<tf.Rank.R4>(mixed, [windows, heads, count, each]), [0, 2, 1, 3]);
  return linear(tf.reshape(joined, [windows, side, side, width]), weights, `${name}.proj`);
}

/** [heads, N, N]: of two tokens, the bias of their distance in rows and columns, which are numbered row by row. */
function biases(weights: Weights, name: string, side: number): Tensor {
  const table = weight(weights, `${name}.attention_biases`); // [heads, side * side]
  const count = side * side;
  const places = new Int32Array(count * count);
  for (let from = 0; from < count; from++)
    for (let to = 0; to < count; to++) {
      const rows = Math.abs(Math.trunc(from / side) - Math.trunc(to / side));
      const columns = Math.abs((from % side) - (to % side));
      places[from * count + to] = rows * side + columns;
    }
  const each = tf.gather(table, tf.tensor1d(places, "int32"), 1);
  return tf.reshape(each, [table.shape[0] ?? 0, count, count]);
}
