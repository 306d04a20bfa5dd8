import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { counted, type Planes, windowSums } from "./planes.ts";

/** Squared distance of colours, of values in [0, 1], below which foreground and background are not told apart. */
const alike = 1e-3;
/** The background that counts lies within this part of the object's longer side. */
const nearby = 0.25;
/** Weight of a pixel that counts for nothing, so that there is always a mean. */
const least = 1e-6;

/** The line from the mean colour of an object's surroundings to its own, colours in [0, 1]. */
export interface ColourAxis {
  /** [1, 3]: half way between the two, and from the surroundings to the object. */
  readonly middle: Tensor;
  readonly direction: Tensor;
  /** The direction's squared length, [1, 1]; more where the two are hardly told apart. */
  readonly squared: Tensor;
}

/**
 * The axis of an object: whatever the light and the stain of an image, the same place on it then means the same. `share`
 * [height, width] of foreground, `colours` [height * width, 3] in [0, 255].
 */
export function axisOf(share: Tensor, colours: Tensor): ColourAxis {
  const count = share.size;
  const background = tf.add(tf.mul(nearTo(share), tf.sub(1, share)), least);
  const weights = tf.reshape(tf.stack([share, background]), [2, count]);
  const sums = tf.mul(tf.add(tf.sum(weights, 1, true), least), 255);
  const means = tf.div(tf.matMul(weights, tf.cast(colours, "float32")), sums);
  const [inside, outside] = tf.split(means, 2, 0) as [Tensor, Tensor];
  return axisBetween(inside, outside);
}

/** The same from the mean colours, [1, 3] each, of the object and of its surroundings. */
export function axisBetween(inside: Tensor, outside: Tensor): ColourAxis {
  const direction = tf.sub(inside, outside);
  const squared = tf.add(tf.sum(tf.square(direction), 1, true), alike);
  return { middle: tf.mul(tf.add(inside, outside), 0.5), direction, squared };
}

/**
 * Where colours, [pixels, 3] in [0, 255], lie along the axis, [pixels]: 0.5 is the mean colour of the object, -0.5 that of the
 * background close to it.
 */
export function alongAxis(colours: Tensor, { middle, direction, squared }: ColourAxis): Tensor {
  const slope = tf.div(direction, squared);
  const along = tf.matMul(tf.cast(colours, "float32"), tf.mul(slope, 1 / 255), false, true);
  // onnxruntime subtracts from [pixels, 1] one by one.
  return tf.sub(tf.reshape(along, [-1]), tf.sum(tf.mul(slope, middle)));
}

/** How far colours, [3, pixels] in [0, 1], that lie `along` [1, pixels] are off the axis: [1, pixels], in quarters of [0, 1]. */
export function offAxis(colours: Tensor, along: Tensor, { middle, direction }: ColourAxis): Tensor {
  const column = (row: Tensor): Tensor => tf.reshape(row, [3, 1]);
  const rest = tf.sub(tf.sub(colours, column(middle)), tf.matMul(column(direction), along));
  return tf.mul(tf.sqrt(tf.matMul(tf.ones([1, 3]), tf.square(rest))), 4);
}

/** 1 where a pixel of the object (a share above one half) lies within reach, else 0; [height, width]. */
function nearTo(share: Tensor): Tensor {
  const object = tf.expandDims(tf.cast(tf.greater(share, 0.5), "float32"), 0);
  const side = tf.maximum(1, tf.maximum(extent(object, 2), extent(object, 1)));
  const radius = tf.maximum(2, tf.floor(tf.add(tf.mul(side, nearby), 0.5)));
  const reached = (planes: Planes): Planes =>
    tf.cast(tf.greater(windowSums(planes, radius).sums, 0.5), "float32");
  const down = reached(object);
  return tf.transpose(tf.squeeze(reached(tf.transpose(down, [0, 2, 1])), [0]));
}

/** From an object's first pixel to its last, in pixels, along the axis that is not looked across; below 1 where it has none. */
function extent(object: Planes, across: 1 | 2): Tensor {
  const any = tf.reshape(tf.max(object, across), [-1]);
  const at = counted(any.shape[0]);
  // Beyond every index, and small enough that float32 still tells indexes apart.
  const far = 2 ** 20;
  const last = tf.max(tf.sub(tf.mul(tf.add(at, far), any), far));
  const first = tf.min(tf.add(tf.mul(tf.sub(at, far), any), far));
  return tf.add(tf.sub(last, first), 1);
}
