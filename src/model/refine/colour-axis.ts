import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { counted, type Planes, windowSums } from "./planes.ts";

/** Squared distance of colours, of values in [0, 1], below which foreground and background are not told apart. */
const alike = 1e-3;
/** The background that counts lies within this part of the object's longer side. */
const nearby = 0.25;
/** Weight of a pixel that counts for nothing, so that there is always a mean. */
const least = 1e-6;

export interface AlongColours {
  /** 0.5 is the mean colour of the object, -0.5 that of the background close to it; within [-5, 5]. */
  readonly along: Planes;
  /** How far off that axis, in quarters of [0, 1]. */
  readonly off: Planes;
}

/**
 * Each pixel's colour on the object's own axis, [1, height, width] each. Whatever the light and the stain of an image, the
 * same value then means the same. `share` [1, height, width] of foreground, `colours` [3, height, width] in [0, 1].
 */
export function alongColours(share: Planes, colours: Planes): AlongColours {
  const [, height = 0, width = 0] = share.shape;
  const count = height * width;
  const background = tf.add(tf.mul(nearTo(share), tf.sub(1, share)), least);
  const weights = tf.reshape(tf.concat([share, background], 0), [2, count]);
  const sums = tf.add(tf.sum(weights, 1, true), least);
  const means = tf.div(tf.matMul(weights, tf.reshape(colours, [3, count]), false, true), sums);
  const [inside, outside] = tf.split(means, 2, 0) as [Tensor, Tensor];
  return onAxis(colours, inside, outside);
}

/** The same from the mean colours, [1, 3] each, of the object and of its surroundings. */
export function onAxis(colours: Planes, inside: Tensor, outside: Tensor): AlongColours {
  const [, height = 0, width = 0] = colours.shape;
  const count = height * width;
  const axis = tf.sub(inside, outside);
  const middle = tf.mul(tf.add(inside, outside), 0.5);
  const squared = tf.add(tf.sum(tf.square(axis)), alike);
  const flat = tf.sub(tf.reshape(colours, [3, count]), tf.transpose(middle));
  const along = tf.matMul(tf.div(axis, squared), flat);
  const rest = tf.square(tf.sub(flat, tf.mul(tf.transpose(axis), along)));
  const off = tf.mul(tf.sqrt(tf.matMul(tf.ones([1, 3]), rest)), 4);
  const planes = (row: Tensor): Planes => tf.reshape(row, [1, height, width]);
  return { along: tf.clipByValue(planes(along), -5, 5), off: planes(off) };
}

/** 1 where a pixel of the object (a share above one half) lies within reach, else 0; [1, height, width]. */
function nearTo(share: Planes): Planes {
  const object = tf.cast(tf.greater(share, 0.5), "float32");
  const side = tf.maximum(1, tf.maximum(extent(object, 2), extent(object, 1)));
  const radius = tf.maximum(2, tf.floor(tf.add(tf.mul(side, nearby), 0.5)));
  const reached = (planes: Planes): Planes =>
    tf.cast(tf.greater(windowSums(planes, radius).sums, 0.5), "float32");
  const down = reached(object);
  return tf.transpose(reached(tf.transpose(down, [0, 2, 1])), [0, 2, 1]);
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
