import * as tf from "@tensorflow/tfjs-core";
import type { Scalar, Tensor } from "@tensorflow/tfjs-core";
import { pointFeatureCount } from "../../model/refine/point-features.ts";
import { addedTo, type PointHeadTensors } from "../../model/refine/point-head.ts";
import type { Named } from "../engine/adamw.ts";
import type { RecordedStep } from "../engine/recorded-step.ts";

/** What is trained of a head; its standards stay. */
export const trainedParts = ["w1", "b1", "w2", "b2", "w3", "b3"] as const;

export const weightDecay = 0.1;

/** Pixels by the names of a step graph's inputs: [pixels, features], then [pixels] each. */
export const pixelInputs = ["features", "logits", "truths", "weights"] as const;

/** Weighted mean cross-entropy of the logits after the head. */
export function headLoss(pixels: Named, head: PointHeadTensors): Scalar {
  const { features, logits, truths, weights } = pixels as Record<(typeof pixelInputs)[number], Tensor>;
  const judged = tf.add(logits, addedTo(tf.transpose(features), head));
  const losses = tf.sub(tf.softplus(judged), tf.mul(judged, truths));
  return tf.div(tf.sum(tf.mul(losses, weights)), tf.sum(weights));
}

/** Shapes of a head's parts with so many hidden units. */
export const headShapes = (hidden: number): Record<keyof PointHeadTensors, number[]> => ({
  mean: [pointFeatureCount],
  scale: [pointFeatureCount],
  w1: [pointFeatureCount, hidden],
  b1: [hidden],
  w2: [hidden, hidden],
  b2: [hidden],
  w3: [hidden],
  b3: [1],
});

/** A step of a head's training on any number of pixels. */
export const headStep = (hidden: number): RecordedStep => ({
  shapes: headShapes(hidden),
  trained: trainedParts,
  batch: pixelInputs.map((name) => ({
    name,
    shape: name === "features" ? ["pixels", pointFeatureCount] : ["pixels"],
  })),
  options: { weightDecay, clipNorm: Infinity },
  loss: (pixels, head) => headLoss(pixels, head as unknown as PointHeadTensors),
});
