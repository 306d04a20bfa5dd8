import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { familyOfDecoder } from "../../checkpoint/decoder-layouts.ts";
import type { ModelFamily } from "../../domain/model-family.ts";
import { type RecordInput, recordGraph } from "../../graph/record.ts";
import { toOnnx } from "../../graph/to-onnx.ts";
import { imagePositionalEncoding } from "../../model/prompt-encoder.ts";
import { type Named, type ScalarTensors, stepScalarNames } from "./adamw.ts";
import { embeddingInputs, maskInputShapes, type PromptKind } from "./batches.ts";
import {
  forward,
  needsBase,
  type PromptTensors,
  type StatePart,
  stateParts,
  type StepTensors,
  trainedNames,
  type TrainState,
  trainStep,
} from "./step.ts";
import type { EngineSpec } from "./types.ts";

/** The names of a step graph's tensors: inputs carry the state as it is, outputs as it will be. */
export const stateNames = {
  of: (part: StatePart, name: string): string => (part === "weight" ? name : `${part}/${name}`),
  base: (name: string): string => `base/${name}`,
  next: (state: string): string => `next/${state}`,
  sample: (input: string, sample: number): string => `${input}/${sample}`,
} as const;

const pick = (tensors: Named, names: readonly string[], of: (name: string) => string): Named =>
  Object.fromEntries(names.map((name) => [name, tensors[of(name)] as Tensor]));

const weightInputs = (spec: EngineSpec): RecordInput[] =>
  Object.entries(spec.weights).map(([name, { shape }]) => ({ name, shape }));

/** Embeddings come one by one, so that each is read where it lies; the graph puts them together. */
const promptInputs = (family: ModelFamily, batch: number, tokens: number): RecordInput[] => [
  ...Array.from({ length: batch }, (_, i) =>
    embeddingInputs(family).map(({ input, shape }) => ({ name: stateNames.sample(input, i), shape })),
  ).flat(),
  { name: "image_pe", shape: [1, 4096, 256] },
  { name: "coords", shape: [batch, tokens, 2] },
  { name: "labels", shape: [batch, tokens] },
];

function promptTensors(tensors: Named, batch: number): PromptTensors {
  const together = (input: string): Tensor => {
    const each = Array.from({ length: batch }, (_, i) => tensors[stateNames.sample(input, i)] as Tensor);
    return each.length === 1 ? (each[0] as Tensor) : tf.concat(each, 0);
  };
  const hasSkips = stateNames.sample("skip_fine", 0) in tensors;
  return {
    embedding: together("embedding"),
    ...(hasSkips && { skips: { fine: together("skip_fine"), coarse: together("skip_coarse") } }),
    imagePe: tensors["image_pe"] as Tensor,
    coords: tensors["coords"] as Tensor,
    labels: tensors["labels"] as Tensor,
    ...(tensors["masks"] ? { masks: tensors["masks"] } : {}),
  };
}

/** The whole optimizer step: state and one batch in, loss, gradient norm and the next state out. */
export function stepOnnx(spec: EngineSpec): Uint8Array {
  const names = trainedNames(spec);
  const parts = stateParts(spec);
  const like = (of: (name: string) => string): RecordInput[] =>
    names.map((name) => ({ name: of(name), shape: spec.weights[name]?.shape ?? [] }));
  const masks = Object.entries(maskInputShapes(spec)).map(([name, shape]) => ({ name, shape }));
  const inputs: RecordInput[] = [
    ...weightInputs(spec),
    ...parts.filter((part) => part !== "weight").flatMap((part) => like((name) => stateNames.of(part, name))),
    ...(needsBase(spec) ? like(stateNames.base) : []),
    ...promptInputs(familyOfDecoder(spec.weights), spec.batchSize, spec.points),
    ...masks,
    ...stepScalarNames.map((name) => ({ name: `step/${name}`, shape: [] })),
  ];
  const graph = recordGraph((tensors) => {
    const scalars = Object.fromEntries(
      stepScalarNames.map((name) => [name, tensors[`step/${name}`] as Tensor]),
    ) as ScalarTensors;
    const samples = {
      ...promptTensors(tensors, spec.batchSize),
      ...pick(
        tensors,
        masks.map(({ name }) => name),
        (name) => name,
      ),
    } as StepTensors;
    const state = Object.fromEntries(
      parts.map((part) => [part, pick(tensors, names, (name) => stateNames.of(part, name))]),
    ) as unknown as TrainState;
    const base = needsBase(spec) ? pick(tensors, names, stateNames.base) : undefined;
    const { loss, gradientNorm, next } = trainStep(spec, { weights: tensors, state, base }, samples, scalars);
    const outputs: Record<string, Tensor> = { loss, gradient_norm: gradientNorm };
    for (const name of names)
      for (const part of parts)
        outputs[stateNames.next(stateNames.of(part, name))] = next[part]?.[name] as Tensor;
    return outputs;
  }, inputs);
  return toOnnx(graph);
}

/** Forward only, one sample with a prompt of that kind: outputs `logits` [1, 256, 256] and `iou` [1]. */
export const predictOnnx = (spec: EngineSpec, prompt: PromptKind): Uint8Array =>
  toOnnx(
    recordGraph(
      (tensors) => forward(tensors, promptTensors(tensors, 1), prompt),
      [
        ...weightInputs(spec),
        ...promptInputs(familyOfDecoder(spec.weights), 1, prompt.tokens),
        ...(prompt.mask ? [{ name: "masks", shape: [1, 256, 256] }] : []),
      ],
    ),
  );

/** `image_pe` from the frozen weights, once: no step changes it. */
export const imagePeOnnx = (spec: EngineSpec): Uint8Array =>
  toOnnx(recordGraph((tensors) => ({ image_pe: imagePositionalEncoding(tensors) }), weightInputs(spec)));
