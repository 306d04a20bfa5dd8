import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { normalise, normaliseScaled } from "./written-gradients.ts";
import { weight, type Weights } from "./types.ts";

export { gelu } from "./written-gradients.ts";

/**
 * The layers of SAM as plain tfjs ops, so that a backend that records kernels sees all of them. Every function takes
 * float32 tensors, channels last, and the name of the PyTorch module whose `.weight` and `.bias` it uses.
 * No function reads data, and each op has a right gradient in tfjs: a batched matMul never broadcasts its operands
 * (tfjs does not sum such a gradient back), it is reshaped to one matrix product instead.
 */

/**
 * x [..., in] times a matrix [in, out] (or [out, in] with `transposed`), plus a bias [out], as one product of two
 * matrices. The bias is added before the rows get their axes back, so that a graph can make one Gemm of it.
 */
export function matMulLast(
  x: Tensor,
  matrix: Tensor,
  options: { transposed?: boolean; bias?: Tensor } = {},
): Tensor {
  const { transposed = false, bias } = options;
  const [rows = 0, columns = 0] = matrix.shape;
  const inputs = transposed ? columns : rows;
  const y = tf.matMul(tf.reshape<tf.Rank.R2>(x, [-1, inputs]), matrix, false, transposed);
  return tf.reshape(bias ? tf.add(y, bias) : y, [...x.shape.slice(0, -1), transposed ? rows : columns]);
}

/** nn.Linear: [..., in] to [..., out]. */
export function linear(x: Tensor, weights: Weights, name: string): Tensor {
  return matMulLast(x, weight(weights, `${name}.weight`), {
    transposed: true,
    bias: weight(weights, `${name}.bias`),
  });
}

/**
 * nn.LayerNorm over the last axis (eps 1e-5), and LayerNorm2d over channels, which are last here
 * (eps 1e-6; segment-anything: modeling/common.py). Any shape [..., C].
 */
export function layerNorm(x: Tensor, weights: Weights, name: string, epsilon = 1e-5): Tensor {
  const normal = normalise(x, epsilon);
  return tf.add(tf.mul(normal, weight(weights, `${name}.weight`)), weight(weights, `${name}.bias`));
}

/** layerNorm of sums [..., C], and one over their deviation, sqrt(variance + epsilon), [..., 1]. It has no gradient. */
export function layerNormScaled(
  x: Tensor,
  weights: Weights,
  name: string,
  epsilon = 1e-5,
): { value: Tensor; inverse: Tensor } {
  const { normal, inverse } = normaliseScaled(x, epsilon);
  const value = tf.add(tf.mul(normal, weight(weights, `${name}.weight`)), weight(weights, `${name}.bias`));
  return { value, inverse };
}

/** LayerNorm2d's epsilon (segment-anything: modeling/common.py). */
export const epsilon2d = 1e-6;

/** MLP with ReLU between its `layers.0` to `layers.<count - 1>` (segment-anything: modeling/mask_decoder.py). [..., in] to [..., out]. */
export function mlp(x: Tensor, weights: Weights, name: string, count: number): Tensor {
  let y = x;
  for (let i = 0; i < count; i++) {
    y = linear(i === 0 ? y : tf.relu(y), weights, `${name}.layers.${i}`);
  }
  return y;
}

/**
 * nn.ConvTranspose2d with kernel 2 and stride 2, weight [in, out, 2, 2]. Each cell becomes 2 x 2 cells that touch no
 * other, so it is one matrix product: [..., in] to [..., 2, 2, out], the new axes being row and column inside the cell.
 * They stay behind the old ones; `cellsToPlane` puts all of them in place at the end, when there is little to move.
 */
export function convTranspose2x2(x: Tensor, weights: Weights, name: string): Tensor {
  const { matrix, bias } = convTransposeMatrix(weights, name);
  const outputs = (bias.shape[0] ?? 0) / 4;
  return tf.reshape(matMulLast(x, matrix, { bias }), [...x.shape.slice(0, -1), 2, 2, outputs]);
}

/** The product that convTranspose2x2 is: matrix [in, 4 out] and bias [4 out], outputs of a cell together. */
export function convTransposeMatrix(weights: Weights, name: string): { matrix: Tensor; bias: Tensor } {
  const kernel = weight(weights, `${name}.weight`);
  const [inputs = 0, outputs = 0] = kernel.shape;
  // [in, out, row, column] -> [in, (row, column, out)]: outputs must be the fastest, they are the next layer's channels
  const matrix = tf.reshape(tf.transpose(kernel, [0, 2, 3, 1]), [inputs, 4 * outputs]);
  return { matrix, bias: tf.tile(weight(weights, `${name}.bias`), [4]) }; // once for each of the 2 x 2 cells
}

/**
 * nn.Conv2d with kernel 2 and stride 2 (or 1 and 1), weight [out, in, k, k], on patches that lie together:
 * [..., k, k, in] to [..., out], as one matrix product. `planeToCells` makes the patches.
 */
export function convPatches(x: Tensor, weights: Weights, name: string): Tensor {
  const kernel = weight(weights, `${name}.weight`);
  const [outputs = 0, inputs = 0, rows = 0, columns = 0] = kernel.shape;
  // [out, in, row, column] -> [out, (row, column, in)], the order of a patch
  const matrix = tf.reshape(tf.transpose(kernel, [0, 2, 3, 1]), [outputs, rows * columns * inputs]);
  const patches = tf.reshape(x, [...x.shape.slice(0, -3), rows * columns * inputs]);
  return matMulLast(patches, matrix, { transposed: true, bias: weight(weights, `${name}.bias`) });
}

/**
 * Planes [N, 4h, 4w] in cell order: [N, h, w, 2, 2, 2, 2], where the last four axes are row and column of the
 * 2 x 2 block inside the cell, then row and column inside that block.
 */
export function planeToCells(planes: Tensor, h: number, w: number): Tensor {
  // Batch and row of cells are one axis, so that six axes are enough (the wasm backend knows no more)
  const n = planes.size / (16 * h * w);
  const split = tf.reshape<tf.Rank.R6>(planes, [n * h, 2, 2, w, 2, 2]);
  return tf.reshape(tf.transpose(split, [0, 3, 1, 4, 2, 5]), [n, h, w, 2, 2, 2, 2]);
}

/** The way back: values in cell order, N x h x w x 2 x 2 x 2 x 2 of them, as planes [N, 4h, 4w]. */
export function cellsToPlane(cells: Tensor, h: number, w: number): Tensor {
  const n = cells.size / (16 * h * w);
  const split = tf.reshape<tf.Rank.R6>(cells, [n * h, w, 2, 2, 2, 2]);
  return tf.reshape(tf.transpose(split, [0, 2, 4, 1, 3, 5]), [n, 4 * h, 4 * w]);
}
