import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { type TraceInput, traceGraph } from "../../graph/trace.ts";
import { toOnnx } from "../../graph/to-onnx.ts";
import { imagePositionalEncoding } from "../../model/prompt-encoder.ts";
import { type Named, type StepScalars, stepScalarNames } from "../adamw.ts";
import { wantsEdges } from "../objective.ts";
import { forward, type PromptTensors, type StepTensors, trainedNames, trainStep } from "./step.ts";
import type { EngineSpec } from "./types.ts";

/** The names of a step graph's tensors: inputs carry the state as it is, outputs as it will be. */
export const stateNames = {
  weight: (name: string): string => name,
  first: (name: string): string => `first/${name}`,
  second: (name: string): string => `second/${name}`,
  next: (state: string): string => `next/${state}`,
  embedding: (sample: number): string => `embedding/${sample}`,
} as const;

const pick = (tensors: Named, names: readonly string[], of: (name: string) => string): Named =>
  Object.fromEntries(names.map((name) => [name, tensors[of(name)] as Tensor]));

const weightInputs = (spec: EngineSpec): TraceInput[] =>
  Object.entries(spec.weights).map(([name, { shape }]) => ({ name, shape }));

/** Embeddings come one by one, so that each is read where it lies; the graph puts them together. */
const promptInputs = (spec: EngineSpec, batch: number): TraceInput[] => [
  ...Array.from({ length: batch }, (_, i) => ({ name: stateNames.embedding(i), shape: [1, 4096, 256] })),
  { name: "image_pe", shape: [1, 4096, 256] },
  { name: "coords", shape: [batch, spec.points, 2] },
  { name: "labels", shape: [batch, spec.points] },
];

function promptTensors(tensors: Named, batch: number): PromptTensors {
  const each = Array.from({ length: batch }, (_, i) => tensors[stateNames.embedding(i)] as Tensor);
  return {
    embedding: each.length === 1 ? (each[0] as Tensor) : tf.concat(each, 0),
    imagePe: tensors["image_pe"] as Tensor,
    coords: tensors["coords"] as Tensor,
    labels: tensors["labels"] as Tensor,
  };
}

/** The whole optimizer step: state and one batch in, loss, gradient norm and the next state out. */
export function stepOnnx(spec: EngineSpec): Uint8Array {
  const names = trainedNames(spec);
  const batch = spec.batchSize;
  const moments = (of: (name: string) => string): TraceInput[] =>
    names.map((name) => ({ name: of(name), shape: spec.weights[name]?.shape ?? [] }));
  const inputs: TraceInput[] = [
    ...weightInputs(spec),
    ...moments(stateNames.first),
    ...moments(stateNames.second),
    ...promptInputs(spec, batch),
    { name: "targets", shape: [batch, 256, 256] },
    { name: "valid", shape: [batch, 256, 256] },
    ...(wantsEdges(spec.loss) ? [{ name: "edges", shape: [batch, 256, 256] }] : []),
    ...stepScalarNames.map((name) => ({ name: `step/${name}`, shape: [] })),
  ];
  const graph = traceGraph((tensors) => {
    const scalars = Object.fromEntries(
      stepScalarNames.map((name) => [name, tensors[`step/${name}`] as Tensor]),
    ) as Record<keyof StepScalars, Tensor>;
    const samples: StepTensors = {
      ...promptTensors(tensors, batch),
      targets: tensors["targets"] as Tensor,
      valid: tensors["valid"] as Tensor,
      ...(tensors["edges"] ? { edges: tensors["edges"] } : {}),
    };
    const state = {
      first: pick(tensors, names, stateNames.first),
      second: pick(tensors, names, stateNames.second),
    };
    const { loss, gradientNorm, weights, moments: next } = trainStep(spec, tensors, state, samples, scalars);
    const outputs: Record<string, Tensor> = { loss, gradient_norm: gradientNorm };
    for (const name of names) {
      outputs[stateNames.next(stateNames.weight(name))] = weights[name] as Tensor;
      outputs[stateNames.next(stateNames.first(name))] = next.first[name] as Tensor;
      outputs[stateNames.next(stateNames.second(name))] = next.second[name] as Tensor;
    }
    return outputs;
  }, inputs);
  return toOnnx(graph);
}

/** Forward only, one sample: outputs `logits` [1, 256, 256] and `iou` [1]. */
export const predictOnnx = (spec: EngineSpec): Uint8Array =>
  toOnnx(
    traceGraph(
      (tensors) => forward(tensors, promptTensors(tensors, 1)),
      [...weightInputs(spec), ...promptInputs(spec, 1)],
    ),
  );

/** `image_pe` from the frozen weights, once: no step changes it. */
export const imagePeOnnx = (spec: EngineSpec): Uint8Array =>
  toOnnx(traceGraph((tensors) => ({ image_pe: imagePositionalEncoding(tensors) }), weightInputs(spec)));
