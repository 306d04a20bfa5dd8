import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { Planes } from "./planes.ts";

/** Some pixels of an area: row-major indexes, int32 [points], and the same as columns and rows, float32 [1, points]. */
export interface Pixels {
  readonly size: readonly [height: number, width: number];
  readonly points: Tensor;
  readonly x: Tensor;
  readonly y: Tensor;
}

/** Pixels of an area of [height, width], 2^20 pixels at most, by their row-major indexes, int32 [points]. */
export function pixelsAt(points: Tensor, size: readonly [number, number]): Pixels {
  const index = tf.cast(points, "float32");
  // Exact in float32, as the width is below 2^12.
  const y = tf.floor(tf.div(index, lengthOf(size[1])));
  const flat = (values: Tensor): Tensor => tf.expandDims(values, 0);
  return { size, points, x: flat(tf.sub(index, tf.mul(y, lengthOf(size[1])))), y: flat(y) };
}

/** A size as float32 that is known only when a graph runs, so that it may be free. */
const lengthOf = (size: number): Tensor => tf.sum(tf.ones([size]));

/**
 * Means of one plane [1, height, width] round some pixels, over (2 radius + 1) squared pixels, of those that lie inside:
 * [radii, points]. Sums run down the columns once for all radii, then along the rows, and are told apart at the pixels alone.
 */
export function meansAround(plane: Planes, radii: readonly number[], pixels: Pixels): Tensor {
  const [height, width] = pixels.size;
  const most = Math.max(...radii);
  // onnxruntime's CumSum takes twenty times as long along the last axis, so the plane is turned in between.
  const down = tf.transpose(runningSums(plane, most), [0, 2, 1]);
  const columns = (from: number): Tensor => tf.slice(down, [0, 0, from], [1, width, height]);
  const first = tf.cast(tf.reshape(tf.add(tf.mul(pixels.x, lengthOf(height)), pixels.y), [-1]), "int32");
  const step = tf.cast(lengthOf(height), "int32");
  const sums = radii.map((radius) => {
    const sides = tf.sub(columns(most + radius + 1), columns(most - radius));
    const along = tf.reshape(runningSums(sides, radius), [-1]);
    const last = tf.add(first, tf.mul(tf.scalar(2 * radius + 1, "int32"), step));
    return tf.expandDims(tf.sub(tf.gather(along, last), tf.gather(along, first)), 0);
  });
  return tf.div(tf.concat(sums, 0), countsAround(radii, pixels));
}

/**
 * Sums along the middle axis of [1, length, other], [1, length + 2 radius + 1, other]: what lies within `radius` of entry i
 * is entry i + 2 radius + 1 less entry i.
 */
const runningSums = (planes: Planes, radius: number): Planes =>
  tf.cumsum(
    tf.pad(planes, [
      [0, 0],
      [radius + 1, radius],
      [0, 0],
    ]),
    1,
  );

/** How many pixels lie inside the area and within each radius, [radii, points]. */
function countsAround(radii: readonly number[], { size, x, y }: Pixels): Tensor {
  const radius = tf.tensor2d(radii.map((value) => [value]));
  const along = (at: Tensor, length: number): Tensor => {
    const last = tf.minimum(tf.add(at, radius), tf.sub(lengthOf(length), 1));
    return tf.add(tf.sub(last, tf.relu(tf.sub(at, radius))), 1);
  };
  return tf.mul(along(x, size[1]), along(y, size[0]));
}
