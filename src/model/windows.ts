import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";

/** [1, grid, grid, C] padded with zeros to whole windows: [windows, side, side, C], row by row. */
export function toWindows(x: Tensor, side: number): Tensor {
  const [, grid = 0, , c = 0] = x.shape;
  if (side === grid) return x;
  const count = Math.ceil(grid / side);
  const missing = count * side - grid;
  const plane = tf.reshape<tf.Rank.R3>(x, [grid, grid, c]);
  const edge: [number, number] = [0, missing];
  const padded = missing === 0 ? plane : tf.pad(plane, [edge, edge, [0, 0]]);
  const split = tf.reshape<tf.Rank.R5>(padded, [count, side, count, side, c]);
  return tf.reshape(tf.transpose(split, [0, 2, 1, 3, 4]), [count * count, side, side, c]);
}

/** The way back: the padding is cut off. */
export function fromWindows(windows: Tensor, grid: number): Tensor {
  const [n = 0, side = 0, , c = 0] = windows.shape;
  if (side === grid) return windows;
  const count = Math.round(Math.sqrt(n));
  const whole = count * side;
  const split = tf.reshape<tf.Rank.R5>(windows, [count, count, side, side, c]);
  const plane = tf.reshape<tf.Rank.R4>(tf.transpose(split, [0, 2, 1, 3, 4]), [1, whole, whole, c]);
  return whole === grid ? plane : tf.slice(plane, [0, 0, 0, 0], [1, grid, grid, c]);
}

/** Tokens in windows of one side, which cover the image evenly, in windows of another that do so too. */
export function regroup(windows: Tensor, side: number, grid: number): Tensor {
  return windows.shape[1] === side ? windows : toWindows(fromWindows(windows, grid), side);
}
