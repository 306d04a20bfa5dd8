import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { linear } from "./layers.ts";
import { weight, type Weights } from "./types.ts";

/** Above so many scores a head, heads are computed one after the other, so that one head's scores are all that lies in memory. */
const scoresAtOnce = 2 ** 20;

/**
 * Attention inside each of W windows with decomposed relative positions (segment-anything: modeling/image_encoder.py,
 * Attention and add_decomposed_rel_pos). x [W, side, side, C] to the same shape; W = 1 for the whole image.
 *
 * The score of token (y, x) for token (v, u) is q . k / sqrt(C / heads) + q . Rh[y, v] + q . Rw[x, u]. The two additions
 * become part of the product: q is extended by q . Rh[y, *] and q . Rw[x, *], and k by ones at its own v and u.
 * Exact up to rounding, and nothing of the scores' size (800 MB in ViT-B) is added to.
 */
export function blockAttention(x: Tensor, weights: Weights, name: string, heads: number): Tensor {
  const [windows = 0, side = 0, , width = 0] = x.shape;
  const each = width / heads;
  const tokens = side * side;
  const projected = tf.reshape<tf.Rank.R5>(linear(x, weights, `${name}.qkv`), [
    windows,
    tokens,
    3,
    heads,
    each,
  ]);
  const parts = tf.transpose(projected, [2, 0, 3, 1, 4]); // [3, W, heads, tokens, each]
  const stack = windows * heads;
  const part = (i: number): Tensor =>
    tf.reshape(tf.slice(parts, [i, 0, 0, 0, 0], [1, windows, heads, tokens, each]), [stack, tokens, each]);
  const [q, k, v] = [part(0), part(1), part(2)];

  const rows = alongRows(q, relative(weights, `${name}.rel_pos_h`, side));
  const columns = alongColumns(q, relative(weights, `${name}.rel_pos_w`, side));
  const query = tf.concat([tf.mul(q, 1 / Math.sqrt(each)), rows, columns], 2); // [stack, tokens, each + 2 side]
  const key = tf.concat([k, tf.tile(places(side), [stack, 1, 1])], 2);

  const attend = (from: number, count: number): Tensor => {
    const take = (tensor: Tensor): Tensor =>
      count === stack ? tensor : tf.slice(tensor, [from, 0, 0], [count, tokens, tensor.shape[2] ?? 0]);
    return tf.matMul(tf.softmax(tf.matMul(take(query), take(key), false, true)), take(v));
  };
  const mixed =
    tokens * tokens > scoresAtOnce
      ? tf.concat(
          Array.from({ length: stack }, (_, i) => attend(i, 1)),
          0,
        )
      : attend(0, stack);
  const joined = tf.transpose(tf.reshape<tf.Rank.R4>(mixed, [windows, heads, tokens, each]), [0, 2, 1, 3]);
  return linear(tf.reshape(joined, [windows, side, side, width]), weights, `${name}.proj`);
}

/** R[i, j] = the embedding of distance i - j (get_rel_pos with equal sides): [side, side, each]. */
function relative(weights: Weights, name: string, side: number): Tensor {
  const table = weight(weights, name); // [2 side - 1, each]
  const index = Int32Array.from(
    { length: side * side },
    (_, i) => Math.floor(i / side) - (i % side) + side - 1,
  );
  return tf.reshape(tf.gather(table, tf.tensor1d(index, "int32")), [side, side, table.shape[1] ?? 0]);
}

/** q [stack, side * side, each] times R of its row: [stack, side * side, side]. */
function alongRows(q: Tensor, table: Tensor): Tensor {
  const [side = 0, , each = 0] = table.shape;
  const stack = q.shape[0] ?? 0;
  // Row by row is a stack of products: [row, (stack, column), each] . [row, each, side]
  const byRow = tf.transpose(tf.reshape<tf.Rank.R4>(q, [stack, side, side, each]), [1, 0, 2, 3]);
  const product = tf.matMul(tf.reshape<tf.Rank.R3>(byRow, [side, stack * side, each]), table, false, true);
  const back = tf.transpose(tf.reshape<tf.Rank.R4>(product, [side, stack, side, side]), [1, 0, 2, 3]);
  return tf.reshape(back, [stack, side * side, side]);
}

/** The same of its column. */
function alongColumns(q: Tensor, table: Tensor): Tensor {
  const [side = 0, , each = 0] = table.shape;
  const stack = q.shape[0] ?? 0;
  const byColumn = tf.transpose(tf.reshape<tf.Rank.R3>(q, [stack * side, side, each]), [1, 0, 2]);
  const product = tf.matMul(byColumn, table, false, true); // [column, (stack, row), side]
  return tf.reshape(tf.transpose(product, [1, 0, 2]), [stack, side * side, side]);
}

/** One row and one column mark for each token: [1, side * side, 2 side], 1 at its own row and at its own column. */
function places(side: number): Tensor {
  const marks = new Float32Array(side * side * 2 * side);
  for (let token = 0; token < side * side; token++) {
    marks[token * 2 * side + Math.floor(token / side)] = 1;
    marks[token * 2 * side + side + (token % side)] = 1;
  }
  return tf.tensor(marks, [1, side * side, 2 * side]);
}
