import {
  embeddingLength,
  embeddingParts,
  type ModelFamily,
  modelFamilies,
} from "../../domain/model-family.ts";
import { wantsEdges } from "./objective.ts";
import type { EngineSpec, EngineState, PromptBatch, TrainBatch } from "./types.ts";

/** Whose an embedding is, by its entries. Throws an Error where it is neither family's. */
export function familyOfEmbedding({ length }: Float32Array): ModelFamily {
  const family = modelFamilies.find((one) => embeddingLength(one) === length);
  if (family) return family;
  throw new Error(
    `an embedding holds ${length} numbers; ${modelFamilies.map(embeddingLength).join(" or ")} are wanted`,
  );
}

/**
 * The parts of a sample's embedding by a graph's inputs, and the shape of each with one sample: image tokens, and SAM 2's
 * skip features (inference/embedding/decoder-order.ts).
 */
export const embeddingInputs = (
  family: ModelFamily,
): { input: "embedding" | "skip_fine" | "skip_coarse"; shape: number[]; offset: number; length: number }[] =>
  embeddingParts[family].map(({ name, offset, length, shape: [channels, rows, columns] }) => ({
    input: inputNames[name],
    shape: [1, rows * columns, channels],
    offset,
    length,
  }));

const inputNames = {
  image_embedding: "embedding",
  high_res_features_0: "skip_fine",
  high_res_features_1: "skip_coarse",
} as const;

/** Cells of one low-res mask, [256, 256]. */
export const maskSize = 256 * 256;

function fits(what: string, array: Float32Array, samples: number, each: number): void {
  if (array.length !== samples * each)
    throw new Error(`${what} holds ${array.length} numbers; ${samples} samples need ${samples * each}`);
}

/**
 * How many samples a batch holds, and of how many tokens each.
 * Throws an Error naming the array whose length does not fit.
 */
export function sizesOf(
  batch: PromptBatch,
  tokens = Math.floor(batch.labels.length / Math.max(1, batch.embeddings.length)),
): { count: number; tokens: number } {
  const count = batch.embeddings.length;
  for (const embedding of batch.embeddings) familyOfEmbedding(embedding);
  fits("coords", batch.coords, count, tokens * 2);
  fits("labels", batch.labels, count, tokens);
  if (batch.masks) fits("masks", batch.masks, count, maskSize);
  if (batch.hasMask) fits("hasMask", batch.hasMask, count, 1);
  return { count, tokens };
}

/** The same for a step, whose batch is always of one size. */
export function checkTrainBatch(batch: TrainBatch, spec: EngineSpec): void {
  const { count } = sizesOf(batch, spec.points);
  if (count !== spec.batchSize) throw new Error(`a step takes ${spec.batchSize} samples, not ${count}`);
  if (!spec.absentTokens && kindOf(batch).absentTokens)
    throw new Error("a token is absent, and the engine was told that none will be");
  if (!spec.maskPrompts && batch.masks)
    throw new Error("there are mask prompts, and the engine was told that none will be");
  for (const [what, { data, shape }] of Object.entries(maskInputs(batch, spec))) {
    const wanted = shape.reduce((a, b) => a * b, 1);
    if (data.length !== wanted) throw new Error(`${what} holds ${data.length} numbers, not ${wanted}`);
  }
}

/** What a graph for predictions is made for. */
export interface PromptKind {
  readonly tokens: number;
  readonly mask: boolean;
  readonly absentTokens: boolean;
}

/** The kind that all prompts of one batch are of. */
export const kindOf = (batch: PromptBatch): PromptKind => ({
  tokens: sizesOf(batch).tokens,
  mask: batch.masks !== undefined,
  absentTokens: batch.labels.includes(-2),
});

/** Names and shapes of a step's inputs that are masks, or say which samples have one. */
export const maskInputShapes = (spec: EngineSpec): Record<string, number[]> => {
  const shape = [spec.batchSize, 256, 256];
  return {
    targets: shape,
    valid: shape,
    ...(wantsEdges(spec.loss) ? { edges: shape } : {}),
    ...(spec.maskPrompts ? { masks: shape, hasMask: [spec.batchSize] } : {}),
  };
};

/** Their values; an array that the batch lacks is empty here, but for mask prompts: no sample has one then. */
export function maskInputs(
  batch: TrainBatch,
  spec: EngineSpec,
): Record<string, { data: Float32Array; shape: number[] }> {
  const { targets, valid, edges, masks } = batch;
  const count = spec.batchSize;
  const values: Record<string, Float32Array | undefined> = {
    targets,
    valid,
    edges,
    masks: masks ?? new Float32Array(count * maskSize),
    hasMask: batch.hasMask ?? new Float32Array(count).fill(masks ? 1 : 0),
  };
  return Object.fromEntries(
    Object.entries(maskInputShapes(spec)).map(([name, shape]) => [
      name,
      { data: values[name] ?? new Float32Array(), shape },
    ]),
  );
}

/** The samples of a batch, each by itself; one without a mask prompt has no `masks`. */
export function* oneByOne(batch: PromptBatch): Generator<PromptBatch> {
  const { count, tokens } = sizesOf(batch);
  for (let i = 0; i < count; i++) {
    const masked = batch.masks && (batch.hasMask?.[i] ?? 1) === 1;
    yield {
      embeddings: batch.embeddings.slice(i, i + 1),
      coords: batch.coords.slice(i * tokens * 2, (i + 1) * tokens * 2),
      labels: batch.labels.slice(i * tokens, (i + 1) * tokens),
      ...(masked ? { masks: batch.masks?.slice(i * maskSize, (i + 1) * maskSize) } : {}),
    };
  }
}

/** The tensors of a state that an engine wants. Throws an Error naming the first that is missing or does not fit. */
export function checkState(
  state: EngineState,
  wanted: readonly { name: string; shape: readonly number[] }[],
): { name: string; shape: readonly number[]; data: Float32Array }[] {
  return wanted.map(({ name, shape }) => {
    const tensor = state.tensors[name];
    if (!tensor) throw new Error(`the state lacks ${name}`);
    if (tensor.shape.join() !== shape.join())
      throw new Error(`${name} of the state is [${tensor.shape.join()}], not [${shape.join()}]`);
    return { name, shape, data: tensor.data };
  });
}
