import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { type RecordInput, recordGraph } from "../../graph/record.ts";
import { toOnnx } from "../../graph/to-onnx.ts";
import { finderShapes, fixedParts } from "../../domain/finder-layout.ts";
import { adamw, type Named, type ScalarTensors, stepScalarNames } from "../engine/adamw.ts";
import { batchShapes, type CropShape, finderLoss } from "./finder-loss.ts";

export const weightDecay = 0.05;
const clipNorm = 1;

/** The names of a step graph's tensors: inputs carry the state as it is, outputs as it will be. */
export const finderState = {
  first: (part: string): string => `first/${part}`,
  second: (part: string): string => `second/${part}`,
  next: (name: string): string => `next/${name}`,
  scalar: (name: string): string => `step/${name}`,
} as const;

export const trainedParts = (labels: number): string[] =>
  Object.keys(finderShapes(labels)).filter((part) => !fixedParts.includes(part));

/** The loss and its slopes by part. */
export function finderGradients(
  batch: Named,
  weights: Named,
  shape: CropShape,
): { loss: Tensor; gradients: Named } {
  const parts = trainedParts(shape.labels);
  const { value, grads } = tf.valueAndGrads((...trained: Tensor[]) =>
    finderLoss(
      batch,
      { ...weights, ...Object.fromEntries(parts.map((part, i) => [part, trained[i] as Tensor])) },
      shape,
    ),
  )(parts.map((part) => weights[part] as Tensor));
  return { loss: value, gradients: Object.fromEntries(parts.map((part, i) => [part, grads[i] as Tensor])) };
}

/** One step of AdamW on a batch of crops: weights, moments, batch and step scalars in; the loss and the next state out. */
export function finderStepOnnx(shape: CropShape): Uint8Array {
  const shapes = finderShapes(shape.labels);
  const parts = trainedParts(shape.labels);
  const inputs: RecordInput[] = [
    ...Object.entries(shapes).map(([name, own]) => ({ name, shape: own })),
    ...parts.flatMap((part) =>
      [finderState.first(part), finderState.second(part)].map((name) => ({
        name,
        shape: shapes[part] ?? [],
      })),
    ),
    ...Object.entries(batchShapes(shape)).map(([name, own]) => ({ name, shape: own })),
    ...stepScalarNames.map((name) => ({ name: finderState.scalar(name), shape: [] })),
  ];
  const graph = recordGraph((tensors) => {
    const { loss, gradients } = finderGradients(tensors, tensors, shape);
    const named = (of: (part: string) => string): Named =>
      Object.fromEntries(parts.map((part) => [part, tensors[of(part)] as Tensor]));
    const scalars = Object.fromEntries(
      stepScalarNames.map((name) => [name, tensors[finderState.scalar(name)] as Tensor]),
    ) as ScalarTensors;
    const moments = { first: named(finderState.first), second: named(finderState.second) };
    const next = adamw(
      named((part) => part),
      gradients,
      moments,
      scalars,
      { weightDecay, clipNorm },
    );
    const outputs: Record<string, Tensor> = { loss };
    for (const part of parts) {
      outputs[finderState.next(part)] = next.weights[part] as Tensor;
      outputs[finderState.next(finderState.first(part))] = next.moments.first[part] as Tensor;
      outputs[finderState.next(finderState.second(part))] = next.moments.second[part] as Tensor;
    }
    return outputs;
  }, inputs);
  return toOnnx(graph);
}
