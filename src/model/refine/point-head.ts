import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { faintLogit } from "../../lib/faint.ts";
import { type Area, boundedLogits, pointFeatures } from "./point-features.ts";

/**
 * The first kind of point head: a multilayer perceptron on the features of one pixel that gives what to add to its logit
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

/**
 * Logits [height, width] after the head has judged every pixel that may be foreground. The others stay, as does what
 * the bound on logits makes of them.
 */
export function judgePoints(area: Area, head: PointHeadTensors): Tensor {
  const { logits } = area;
  const [height = 0, width = 0] = logits.shape;
  const features = pointFeatures(area);
  const flat = tf.reshape(features, [features.shape[0], height * width]);
  const { first, second, third } = folded(head);
  // The last row of each layer is 1, so that biases need no passes of their own over all pixels.
  const input = tf.concat([flat, tf.ones([1, height * width])], 0);
  const layers = tf.relu(tf.matMul(second, tf.relu(tf.matMul(first, input, true)), true));
  const added = tf.reshape(tf.matMul(third, layers, true), [height, width]);
  const judged = tf.add(tf.reshape(boundedLogits(logits), [height, width]), added);
  return tf.where(tf.greater(logits, faintLogit), judged, logits);
}

/** Weights with biases as a further row, and standards folded in: [inputs + 1, outputs + 1] each, the last [.., 1]. */
function folded({ mean, scale, w1, b1, w2, b2, w3, b3 }: PointHeadTensors) {
  const scaled = tf.mul(w1, tf.expandDims(scale, 1));
  const shift = tf.sub(b1, tf.reshape(tf.matMul(tf.expandDims(mean, 0), scaled), b1.shape));
  return {
    first: withBias(scaled, shift, true),
    second: withBias(w2, b2, true),
    third: withBias(tf.expandDims(w3, 1), b3, false),
  };
}

function withBias(weights: Tensor, bias: Tensor, carry: boolean): Tensor {
  const rows = tf.concat([weights, tf.expandDims(bias, 0)], 0);
  if (!carry) return rows;
  const inputs = weights.shape[0];
  return tf.concat([rows, tf.concat([tf.zeros([inputs, 1]), tf.ones([1, 1])], 0)], 1);
}
