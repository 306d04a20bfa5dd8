import { wantsEdges } from "../objective.ts";
import type { EngineSpec, EngineState, PromptBatch, TrainBatch } from "./types.ts";

/** Entries of one image embedding, [64, 64, 256]. */
export const embeddingSize = 4096 * 256;
/** Cells of one low-res mask, [256, 256]. */
export const maskSize = 256 * 256;

/** How many samples a batch holds. Throws an Error naming the array whose length does not fit. */
export function samplesOf(batch: PromptBatch, spec: EngineSpec): number {
  const count = batch.embeddings.length;
  const fits = (what: string, array: Float32Array, each: number, samples = count): void => {
    if (array.length !== samples * each)
      throw new Error(`${what} holds ${array.length} numbers; ${samples} samples need ${samples * each}`);
  };
  for (const embedding of batch.embeddings) fits("an embedding", embedding, embeddingSize, 1);
  fits("coords", batch.coords, spec.points * 2);
  fits("labels", batch.labels, spec.points);
  return count;
}

/** The same for a step, whose batch is always of one size. */
export function checkTrainBatch(batch: TrainBatch, spec: EngineSpec): void {
  const count = samplesOf(batch, spec);
  if (count !== spec.batchSize) throw new Error(`a step takes ${spec.batchSize} samples, not ${count}`);
  for (const [what, { length }] of Object.entries(maskInputs(batch, spec)))
    if (length !== count * maskSize)
      throw new Error(`${what} holds ${length} numbers, not ${count * maskSize}`);
}

/** What a step's loss compares the masks with, by the names of the step's inputs; each [B, 256, 256]. */
export function maskInputs(batch: TrainBatch, spec: EngineSpec): Record<string, Float32Array> {
  const { targets, valid, edges } = batch;
  return { targets, valid, ...(wantsEdges(spec.loss) ? { edges: edges ?? new Float32Array() } : {}) };
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
