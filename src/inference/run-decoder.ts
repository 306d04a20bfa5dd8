import type { Tensor } from "onnxruntime-node";
import { LRUCache } from "lru-cache";
import type { DecoderGraph } from "./graphs.ts";
import type { PackedTensor, PackedWeights } from "./packed-weights.ts";
import { batchTokens, type PromptTokens } from "./prompt-tokens.ts";
import { float32, sessionOf } from "./session.ts";
import type { ImageEmbedding } from "./types.ts";

/** What every run of the decoder needs, whatever is done with its masks. */
export interface DecoderTask {
  readonly graph: DecoderGraph;
  readonly threads: number;
  readonly weights: PackedWeights;
  readonly embedding: ImageEmbedding;
}

export const maskTokens = 4;
/** Values of one low-res mask, [256, 256]. */
export const plane = 256 * 256;

/**
 * One run of a decoder graph over P prompts, in the worker that calls it. `masks` [P, 256, 256]: the mask prompts, for a
 * graph that takes some. Returns low-res logits [P, 4, 256, 256] and IoU predictions [P, 4], mask token 0 first.
 */
export async function runDecoder(
  task: DecoderTask,
  prompts: readonly PromptTokens[],
  masks?: Float32Array,
): Promise<{ logits: Float32Array; scores: Float32Array }> {
  const { graph, embedding } = task;
  const count = prompts.length;
  const tokens = batchTokens(prompts, graph.points);
  const feeds: Record<string, Tensor> = {
    image_embedding: float32(embedding.data, [1, 4096, 256]),
    point_coords: float32(tokens.coords, [count, graph.points, 2]),
    point_labels: float32(tokens.labels, [count, graph.points]),
  };
  if (masks) {
    feeds["mask_input"] = float32(masks, [count, 256, 256]);
    feeds["has_mask"] = float32(new Float32Array(count).fill(1), [count]);
  }
  const session = await sessionOf(graph.path, task.threads);
  const weights = weightTensors(task.weights);
  for (const name of session.inputNames) feeds[name] ??= required(weights, name);
  const output = await session.run(feeds);
  return {
    logits: values(output["low_res_logits"], count * maskTokens * plane),
    scores: values(output["iou_predictions"], count * maskTokens),
  };
}

/** Tensors over the shared memory, kept so that 137 of them are not made for every call. */
const tensorCache = new LRUCache<string, Record<string, Tensor>>({ max: 16 });

function weightTensors({ id, buffer, layout }: PackedWeights): Record<string, Tensor> {
  const cached = tensorCache.get(id);
  if (cached) return cached;
  const made = Object.fromEntries(
    (JSON.parse(layout) as PackedTensor[]).map(({ name, shape, offset }) => {
      const length = shape.reduce((a, b) => a * b, 1);
      return [name, float32(new Float32Array(buffer, offset, length), shape)];
    }),
  );
  tensorCache.set(id, made);
  return made;
}

function required(weights: Record<string, Tensor>, name: string): Tensor {
  const tensor = weights[name];
  if (!tensor) throw new Error(`the graph wants ${name}, which the weights don't have`);
  return tensor;
}

function values(tensor: Tensor | undefined, length: number): Float32Array {
  const data = tensor?.data;
  if (data instanceof Float32Array && data.length === length) return data;
  throw new Error("the decoder graph's outputs are not those of its manifest");
}
