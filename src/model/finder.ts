import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-core";
import { dilations } from "../domain/finder-layout.ts";
import { gelu, matMulLast } from "./layers.ts";
import { weight, type Weights } from "./types.ts";

/**
 * What a finder makes of an image embedding: for every part of every cell, by label a logit of foreground and one of an
 * object's centre, and four log sides of its box (domain/finder-layout.ts).
 * @param cells [B, n, n, 256] float32, pooled cells (imaging/finding/cells.ts)
 * @returns [B, n, n, 4 * outputs]
 */
export function finderOutputs(cells: Tensor, weights: Weights): Tensor {
  const named = (name: string): Tensor => weight(weights, name);
  const standard = tf.mul(tf.sub(cells, named("mean")), named("scale"));
  let x = matMulLast(standard, named("project.weight"), { bias: named("project.bias") });
  for (const [i, dilation] of dilations.entries()) {
    const seen = matMulLast(neighbours(x as Tensor4D, dilation), named(`blocks.${i}.weight`), {
      bias: named(`blocks.${i}.bias`),
    });
    x = tf.add(x, gelu(seen));
  }
  const wide = matMulLast(x, named("widen.weight"), { bias: named("widen.bias") });
  return matMulLast(gelu(wide), named("head.weight"), { bias: named("head.bias") });
}

/**
 * Every cell with its eight neighbours `dilation` cells away, zeros beyond the edge, so that a convolution is one matrix
 * product: [B, h, w, C] to [B, h, w, 9 C], taps row by row.
 */
function neighbours(x: Tensor4D, dilation: number): Tensor {
  const [batch, height, width, channels] = x.shape;
  const around: [number, number] = [dilation, dilation];
  const padded = tf.pad(x, [[0, 0], around, around, [0, 0]]);
  const taps = [0, 1, 2].flatMap((row) =>
    [0, 1, 2].map((column) =>
      tf.slice(padded, [0, row * dilation, column * dilation, 0], [batch, height, width, channels]),
    ),
  );
  return tf.concat(taps, 3);
}
