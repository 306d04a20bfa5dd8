import { LRUCache } from "lru-cache";
import type { Tensor } from "onnxruntime-node";
import { required, values, weightTensors } from "./decoder-tensors.ts";
import { type DecoderTask, prefixBytes, prefixPartLength, prefixParts } from "./decoder-task.ts";
import { float32, sessionOf } from "./session.ts";

/** The image tokens' positions, 4 MiB, by the matrix that they follow from: one of each base model, versions share it. */
const positionsCache = new LRUCache<string, Tensor>({ max: 4 });

const positionsMatrix = "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix";

async function imagePositions(path: string, task: DecoderTask): Promise<Tensor> {
  const matrix = required(weightTensors(task.weights), positionsMatrix);
  const key = String(matrix.data);
  const known = positionsCache.get(key);
  if (known) return known;
  const output = await (await sessionOf(path, task.threads)).run({ [positionsMatrix]: matrix });
  const made = required(output, "image_positions");
  positionsCache.set(key, made);
  return made;
}

/**
 * What the rest of the decoder wants beside the embedding: the prefix that the task brings, or one made now, which is
 * given back on shared memory for the tasks that follow.
 */
export async function prefixFeeds(
  split: { readonly positions: string; readonly prefix: string },
  task: DecoderTask,
  embedding: Tensor,
): Promise<{ feeds: Record<string, Tensor>; made?: SharedArrayBuffer }> {
  const image_positions = await imagePositions(split.positions, task);
  const { prefix: kept } = task;
  if (kept && kept !== "make") {
    const views = prefixParts.map(([name, shape], i): [string, Tensor] => [
      name,
      float32(part(kept, i), shape),
    ]);
    return { feeds: { image_positions, ...Object.fromEntries(views) } };
  }
  const session = await sessionOf(split.prefix, task.threads);
  const own: Record<string, Tensor> = { image_positions, image_embedding: embedding };
  const weights = weightTensors(task.weights);
  for (const name of session.inputNames) own[name] ??= required(weights, name);
  const output = (await session.run(own)) as Record<string, Tensor>;
  const made = new SharedArrayBuffer(prefixBytes);
  for (const [i, [name]] of prefixParts.entries()) part(made, i).set(values(output[name], prefixPartLength));
  return { feeds: { image_positions, ...output }, made };
}

const part = (buffer: SharedArrayBuffer, index: number): Float32Array =>
  new Float32Array(buffer, index * prefixPartLength * Float32Array.BYTES_PER_ELEMENT, prefixPartLength);
