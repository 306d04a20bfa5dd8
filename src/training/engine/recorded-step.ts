import * as tf from "@tensorflow/tfjs-core";
import type { Scalar, Tensor } from "@tensorflow/tfjs-core";
import type { InferenceSession, Tensor as OrtTensor } from "../../lib/onnxruntime.ts";
import { type RecordInput, recordGraph } from "../../graph/record.ts";
import { toOnnx } from "../../graph/to-onnx.ts";
import { float32 } from "../../inference/workers/session.ts";
import {
  adamw,
  type AdamwOptions,
  type Named,
  type ScalarTensors,
  stepScalars,
  stepScalarNames,
} from "./adamw.ts";

/** A small network's training step: what heads and finders are trained by. */
export interface RecordedStep {
  /** Shapes of all weights, by name. */
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** Names of those that are trained; the others stay. */
  readonly trained: readonly string[];
  readonly batch: readonly RecordInput[];
  readonly options: AdamwOptions;
  /** The loss of a batch under all weights. */
  loss(batch: Named, weights: Named): Scalar;
}

/** The names of a step graph's tensors: inputs carry the state as it is, outputs as it will be. */
export const stepState = {
  first: (part: string): string => `first/${part}`,
  second: (part: string): string => `second/${part}`,
  next: (name: string): string => `next/${name}`,
  scalar: (name: string): string => `step/${name}`,
} as const;

/** The loss and its slopes by part. */
export function lossGradients(
  { trained, loss }: Pick<RecordedStep, "trained" | "loss">,
  batch: Named,
  weights: Named,
): { loss: Scalar; gradients: Named } {
  const { value, grads } = tf.valueAndGrads((...parts: Tensor[]) =>
    loss(batch, { ...weights, ...Object.fromEntries(trained.map((part, i) => [part, parts[i] as Tensor])) }),
  )(trained.map((part) => weights[part] as Tensor));
  const gradients = Object.fromEntries(trained.map((part, i) => [part, grads[i] as Tensor]));
  return { loss: value, gradients };
}

/** One step of AdamW as an ONNX file: weights, moments, batch and step scalars in; the loss and the next state out. */
export function recordedStepOnnx(step: RecordedStep): Uint8Array {
  const { shapes, trained, batch, options } = step;
  const inputs: RecordInput[] = [
    ...Object.entries(shapes).map(([name, shape]) => ({ name, shape })),
    ...trained.flatMap((part) =>
      [stepState.first(part), stepState.second(part)].map((name) => ({ name, shape: shapes[part] ?? [] })),
    ),
    ...batch,
    ...stepScalarNames.map((name) => ({ name: stepState.scalar(name), shape: [] })),
  ];
  const graph = recordGraph((tensors) => {
    const { loss, gradients } = lossGradients(step, tensors, tensors);
    const named = (of: (part: string) => string): Named =>
      Object.fromEntries(trained.map((part) => [part, tensors[of(part)] as Tensor]));
    const scalars = Object.fromEntries(
      stepScalarNames.map((name) => [name, tensors[stepState.scalar(name)] as Tensor]),
    ) as ScalarTensors;
    const moments = { first: named(stepState.first), second: named(stepState.second) };
    const next = adamw(
      named((part) => part),
      gradients,
      moments,
      scalars,
      options,
    );
    const outputs: Record<string, Tensor> = { loss };
    for (const part of trained) {
      outputs[stepState.next(part)] = next.weights[part] as Tensor;
      outputs[stepState.next(stepState.first(part))] = next.moments.first[part] as Tensor;
      outputs[stepState.next(stepState.second(part))] = next.moments.second[part] as Tensor;
    }
    return outputs;
  }, inputs);
  return toOnnx(graph);
}

/** The state before the first step, by the names of a step graph's inputs: weights as they are, moments of zero. */
export function startFeeds(
  { shapes, trained }: Pick<RecordedStep, "shapes" | "trained">,
  weights: Readonly<Record<string, Float32Array>>,
): Record<string, OrtTensor> {
  const feeds: Record<string, OrtTensor> = {};
  for (const [name, shape] of Object.entries(shapes))
    feeds[name] = float32(weights[name] ?? new Float32Array(), shape);
  for (const part of trained)
    for (const name of [stepState.first(part), stepState.second(part)])
      feeds[name] = float32(new Float32Array((feeds[part] as OrtTensor).size), shapes[part] ?? []);
  return feeds;
}

/** Runs a step, counted from 0, on a batch; the next state takes the place of the present one in `feeds`. */
export async function runStep(
  session: InferenceSession,
  feeds: Record<string, OrtTensor>,
  batch: Readonly<Record<string, OrtTensor>>,
  { step, learningRate, weightDecay }: { step: number; learningRate: number; weightDecay: number },
): Promise<void> {
  const scalars = stepScalars(step + 1, learningRate, { weightDecay });
  for (const name of stepScalarNames)
    feeds[stepState.scalar(name)] = float32(Float32Array.of(scalars[name]), []);
  const next = await session.run({ ...feeds, ...batch });
  for (const name of Object.keys(feeds)) {
    const value = next[stepState.next(name)];
    if (value) feeds[name] = value;
  }
}
