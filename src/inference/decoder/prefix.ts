import { LRUCache } from "lru-cache";
import type { Tensor } from "../../lib/onnxruntime.ts";
import { fed, required, values, weightTensors } from "./tensors.ts";
import { type DecoderTask, lengthOf, prefixBytes, prefixParts } from "./task.ts";
import { float32, sessionOf } from "../workers/session.ts";

/** The image tokens' positions, 4 MiB, by the matrix that they follow from: one of each base model, versions share it. */
const positionsCache = new LRUCache<string, Tensor>({ max: 4 });

const positionsMatrix = "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix";

/** The image tokens' positions [1, 4096, 256], by the graph at `path`. */
export async function imagePositions(
  path: string,
  task: Pick<DecoderTask, "weights" | "threads">,
): Promise<Tensor> {
  const matrix = required(weightTensors(task.weights), positionsMatrix);
  const key = String(matrix.data);
  const known = positionsCache.get(key);
  if (known) return known;
  const output = await (await sessionOf(path, task.threads)).run({ [positionsMatrix]: matrix });
  const made = required(output, "image_positions");
  positionsCache.set(key, made);
  return made;
}

/** What follows from a version's weights alone, half a MiB, by their id. */
const partsCache = new LRUCache<string, Record<string, Tensor>>({ max: 16 });

async function weightParts(path: string, task: DecoderTask): Promise<Record<string, Tensor>> {
  const known = partsCache.get(task.weights.id);
  if (known) return known;
  const session = await sessionOf(path, task.threads);
  const made = (await session.run(fed(session.inputNames, task, {}))) as Record<string, Tensor>;
  partsCache.set(task.weights.id, made);
  return made;
}

/**
 * What the rest of the decoder wants beside the embedding: what follows from the weights, and the prefix that the task
 * brings, or one made now, which is given back on shared memory for the tasks that follow.
 */
export async function prefixFeeds(
  split: { readonly positions: string; readonly parts: string; readonly prefix: string },
  task: DecoderTask,
  embedding: Tensor,
): Promise<{ feeds: Record<string, Tensor>; made?: SharedArrayBuffer }> {
  const image_positions = await imagePositions(split.positions, task);
  const ofWeights = { image_positions, ...(await weightParts(split.parts, task)) };
  const { prefix: kept } = task;
  if (kept && kept !== "make") return { feeds: { ...ofWeights, ...prefixTensors(kept) } };
  const session = await sessionOf(split.prefix, task.threads);
  const own = { ...ofWeights, image_embedding: embedding };
  const output = await session.run(fed(session.inputNames, task, own));
  const made = new SharedArrayBuffer(prefixBytes);
  const tensors = prefixTensors(made);
  for (const [name, { data, size }] of Object.entries(tensors))
    (data as Float32Array).set(values(output[name], size));
  return { feeds: { ...ofWeights, ...tensors }, made };
}

/** A prefix's tensors, which lie one after the other. */
function prefixTensors(buffer: SharedArrayBuffer): Record<string, Tensor> {
  let offset = 0;
  return Object.fromEntries(
    prefixParts.map(([name, shape]) => {
      const data = new Float32Array(buffer, offset, lengthOf(shape));
      offset += data.byteLength;
      return [name, float32(data, shape)];
    }),
  );
}
