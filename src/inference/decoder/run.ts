import type { Tensor } from "../../lib/onnxruntime.ts";
import { fed, values } from "./tensors.ts";
import { embeddingTensors } from "./embedding-tensors.ts";
import type { DecoderTask } from "./task.ts";
import type { MaskTokens } from "../../graphs/files.ts";
import { prefixFeeds } from "./prefix.ts";
import { batchTokens, type PromptTokens } from "./prompt-tokens.ts";
import { float32, sessionOf } from "../workers/session.ts";

/** Values of one low-res mask, [256, 256]. */
export const plane = 256 * 256;

export interface Decoded {
  /** Mask tokens answered for each prompt, M: four, or token 0 alone. */
  readonly tokens: number;
  /** Low-res logits [P, M, 256, 256], mask token 0 first. */
  readonly logits: Float32Array;
  /** IoU predictions [P, M]. */
  readonly scores: Float32Array;
  /** Logits of SAM 2's object score [P], where the weights tell it. */
  readonly objectScores?: Float32Array;
  /** Where the task had it made. */
  readonly prefix?: SharedArrayBuffer;
}

/**
 * One run of a decoder graph over P prompts, in the worker that calls it. `masks` [P, 256, 256]: the mask prompts, for a
 * graph that takes some. With `wanted` "first" a run may leave out mask tokens 1 to 3.
 */
export async function runDecoder(
  task: DecoderTask,
  prompts: readonly PromptTokens[],
  { masks, wanted = "all" }: { masks?: Float32Array | undefined; wanted?: MaskTokens } = {},
): Promise<Decoded> {
  const { graph } = task;
  const count = prompts.length;
  const sparse = batchTokens(prompts, graph.points);
  const { image_embedding: embedding, ...skips } = embeddingTensors(task.embedding);
  const feeds: Record<string, Tensor> = {
    image_embedding: embedding,
    ...skips,
    point_coords: float32(sparse.coords, [count, graph.points, 2]),
    point_labels: float32(sparse.labels, [count, graph.points]),
  };
  if (masks) {
    feeds["mask_input"] = float32(masks, [count, 256, 256]);
    feeds["has_mask"] = float32(new Float32Array(count).fill(1), [count]);
  }
  const split = task.prefix === undefined ? null : graph.split;
  const prefix = split ? await prefixFeeds(split, task, embedding) : { feeds: {} };
  Object.assign(feeds, prefix.feeds);
  const session = await sessionOf(split ? split[wanted] : graph.path, task.threads);
  const output = await session.run(fed(session.inputNames, task, feeds));
  const tokens = split && wanted === "first" ? 1 : 4;
  return {
    tokens,
    logits: values(output["low_res_logits"], count * tokens * plane),
    scores: values(output["iou_predictions"], count * tokens),
    ...(task.weights.objectScore && { objectScores: values(output["object_score"], count) }),
    ...(prefix.made ? { prefix: prefix.made } : {}),
  };
}
