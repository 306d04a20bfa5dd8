import * as tf from "@tensorflow/tfjs-core";
import type { Scalar, Tensor } from "@tensorflow/tfjs-core";
import { type RecordInput, recordGraph } from "../../graph/record.ts";
import { toOnnx } from "../../graph/to-onnx.ts";
import { pointFeatureCount } from "../../model/refine/point-features.ts";
import { addedTo, type PointHeadTensors } from "../../model/refine/point-head.ts";
import { adamw, type Named, type ScalarTensors, stepScalarNames } from "../engine/adamw.ts";

/** What is trained of a head; its standards stay. */
export const trainedParts = ["w1", "b1", "w2", "b2", "w3", "b3"] as const;
export type TrainedPart = (typeof trainedParts)[number];

export const weightDecay = 0.1;

/** Pixels by the names of a step graph's inputs: [pixels, features], then [pixels] each. */
export const pixelInputs = ["features", "logits", "truths", "weights"] as const;

/** The names of a step graph's tensors: inputs carry the state as it is, outputs as it will be. */
export const headState = {
  first: (part: TrainedPart): string => `first/${part}`,
  second: (part: TrainedPart): string => `second/${part}`,
  next: (name: string): string => `next/${name}`,
  scalar: (name: string): string => `step/${name}`,
} as const;

/** Weighted mean cross-entropy of the logits after the head. */
export function headLoss(pixels: Named, head: PointHeadTensors): Scalar {
  const { features, logits, truths, weights } = pixels as Record<(typeof pixelInputs)[number], Tensor>;
  const judged = tf.add(logits, addedTo(tf.transpose(features), head));
  const losses = tf.sub(tf.softplus(judged), tf.mul(judged, truths));
  return tf.div(tf.sum(tf.mul(losses, weights)), tf.sum(weights));
}

/** The loss and its slopes by part. */
export function headGradients(pixels: Named, head: Named): { loss: Scalar; gradients: Named } {
  const { value, grads } = tf.valueAndGrads((...trained: Tensor[]) => {
    const parts = Object.fromEntries(trainedParts.map((part, i) => [part, trained[i] as Tensor]));
    return headLoss(pixels, { ...head, ...parts } as unknown as PointHeadTensors);
  })(trainedParts.map((part) => head[part] as Tensor));
  const gradients = Object.fromEntries(trainedParts.map((part, i) => [part, grads[i] as Tensor]));
  return { loss: value, gradients };
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

/** One step of AdamW on any number of pixels: head, moments, pixels and step scalars in; the loss and the next state out. */
export function headStepOnnx(hidden: number): Uint8Array {
  const shapes = headShapes(hidden);
  const pixels: RecordInput[] = pixelInputs.map((name) => ({
    name,
    shape: name === "features" ? ["pixels", pointFeatureCount] : ["pixels"],
  }));
  const inputs: RecordInput[] = [
    ...Object.entries(shapes).map(([name, shape]) => ({ name, shape })),
    ...trainedParts.flatMap((part) =>
      [headState.first(part), headState.second(part)].map((name) => ({ name, shape: shapes[part] })),
    ),
    ...pixels,
    ...stepScalarNames.map((name) => ({ name: headState.scalar(name), shape: [] })),
  ];
  const graph = recordGraph((tensors) => {
    const { loss, gradients } = headGradients(tensors, tensors);
    const named = (of: (part: TrainedPart) => string): Named =>
      Object.fromEntries(trainedParts.map((part) => [part, tensors[of(part)] as Tensor]));
    const scalars = Object.fromEntries(
      stepScalarNames.map((name) => [name, tensors[headState.scalar(name)] as Tensor]),
    ) as ScalarTensors;
    const moments = { first: named(headState.first), second: named(headState.second) };
    const next = adamw(
      named((part) => part),
      gradients,
      moments,
      scalars,
      { weightDecay, clipNorm: Infinity },
    );
    const outputs: Record<string, Tensor> = { loss };
    for (const part of trainedParts) {
      outputs[headState.next(part)] = next.weights[part] as Tensor;
      outputs[headState.next(headState.first(part))] = next.moments.first[part] as Tensor;
      outputs[headState.next(headState.second(part))] = next.moments.second[part] as Tensor;
    }
    return outputs;
  }, inputs);
  return toOnnx(graph);
}
