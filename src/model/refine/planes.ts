import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";

/**
 * Refining works on planes of an area of an image, [planes, height, width]: one number a pixel each, rows from the top.
 * Heights and widths may be free dimensions of a recorded graph.
 */
export type Planes = Tensor;

/** Colours in [0, 1] as planes [3, height, width], from [height, width, 3] in [0, 255]. */
export const colourPlanes = (guide: Tensor): Planes => tf.mul(tf.transpose(guide, [2, 0, 1]), 1 / 255);

/**
 * Each plane's mean over (2 radius + 1) squared pixels, of those that lie inside; [planes, width, height], turned, from
 * [planes, height, width]. A radius as a tensor, a whole number, may be known only when a graph runs.
 */
export function turnedBoxMean(planes: Planes, radius: number | Tensor): Planes {
  const down = windowSums(planes, radius);
  const across = windowSums(tf.transpose(down.sums, [0, 2, 1]), radius);
  const row = (count: Tensor, shape: number[]): Tensor => tf.reshape(count, shape);
  const counts = tf.mul(
    row(across.count, [1, planes.shape[2] as number, 1]),
    row(down.count, [1, 1, planes.shape[1] as number]),
  );
  return tf.mul(across.sums, tf.reciprocal(counts));
}

/**
 * Sums of [planes, length, other] over 2 radius + 1 entries of the middle axis, of those that lie inside, and how many
 * these are, [length]. onnxruntime's CumSum takes twenty times as long along the last axis.
 */
export function windowSums(planes: Planes, radius: number | Tensor): { sums: Planes; count: Tensor } {
  const [many = 0, length = 0, other = 0] = planes.shape;
  const until = tf.concat([tf.zeros([many, 1, other]), tf.cumsum(planes, 1)], 1);
  const at = counted(length);
  const end = tf.minimum(tf.add(at, tf.add(radius, 1)), tf.add(tf.max(at), 1));
  const start = tf.relu(tf.sub(at, radius));
  const row = (index: Tensor): Planes => tf.gather(until, tf.cast(index, "int32"), 1);
  return { sums: tf.sub(row(end), row(start)), count: tf.sub(end, start) };
}

/** One plane of several, [1, height, width]. */
export const planeOf = (planes: Planes, i: number): Planes => tf.slice(planes, [i, 0, 0], [1, -1, -1]);

/** 0, 1, 2 ... as [count]; known only when a graph runs, so that the count may be free. */
export const counted = (count: number): Tensor => tf.sub(tf.cumsum(tf.ones([count])), 1);
