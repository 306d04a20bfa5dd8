import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { type Area, boundedLogits, pointFeatures } from "./point-features.ts";

/**
 * A point head: a multilayer perceptron on the features of one pixel that gives what to add to its logit
 * (PointRend, Kirillov et al. 2020, section 3.3).
 */
export interface PointHeadTensors {
  /** [features]: what is taken from a feature, and by what the rest is multiplied. */
  readonly mean: Tensor;
  readonly scale: Tensor;
  /** [features, hidden], [hidden]; [hidden, hidden], [hidden]; [hidden], [1]. ReLU after the first two layers. */
  readonly w1: Tensor;
  readonly b1: Tensor;
  readonly w2: Tensor;
  readonly b2: Tensor;
  readonly w3: Tensor;
  readonly b3: Tensor;
}

/** Logits [points] of the pixels at `points`, int32 [points], row-major indexes, after the head has judged them. */
export function judgedLogits(area: Area, points: Tensor, head: PointHeadTensors): Tensor {
  const own = tf.gather(tf.reshape(area.logits, [-1]), points);
  return tf.add(boundedLogits(own), addedTo(pointFeatures(area, points), head));
}

/** Logits [height, width] after the head has judged the pixels at `points`, each once. The others stay. */
export function judgePoints(area: Area, points: Tensor, head: PointHeadTensors): Tensor {
  const { logits } = area;
  const own = tf.gather(tf.reshape(logits, [-1]), points);
  const change = tf.sub(judgedLogits(area, points, head), own);
  const changes = tf.scatterND(tf.expandDims(points, 1), change, [logits.size]);
  return tf.add(logits, tf.reshape(changes, logits.shape));
}

/** What the head adds to the logits of pixels with these features, [features, points] to [points]. */
export function addedTo(features: Tensor, { mean, scale, w1, b1, w2, b2, w3, b3 }: PointHeadTensors): Tensor {
  // Standards are folded into the first layer.
  const scaled = tf.mul(w1, tf.expandDims(scale, 1));
  const shift = tf.sub(b1, tf.matMul(tf.expandDims(mean, 0), scaled));
  const column = (bias: Tensor): Tensor => tf.reshape(bias, [-1, 1]);
  const first = tf.relu(tf.add(tf.matMul(scaled, features, true), column(shift)));
  const second = tf.relu(tf.add(tf.matMul(w2, first, true), column(b2)));
  return tf.reshape(tf.add(tf.matMul(tf.expandDims(w3, 0), second), b3), [-1]);
}
