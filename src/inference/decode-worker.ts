import type { Tensor } from "onnxruntime-node";
import { LRUCache } from "lru-cache";
import type { MaskFormat, WireMask } from "../imaging/types.ts";
import { writeLogits } from "../imaging/wire-mask.ts";
import { AppError } from "../lib/errors.ts";
import type { DecoderGraph } from "./graphs.ts";
import { maskPrompt } from "./mask-prompt.ts";
import { type Outcome, settle } from "./outcome.ts";
import type { PackedWeights } from "./packed-weights.ts";
import { predictedMask } from "./predicted-mask.ts";
import { batchTokens, type PromptTokens } from "./prompt-tokens.ts";
import { float32, sessionOf } from "./session.ts";
import type { ImageEmbedding, PredictedMask } from "./types.ts";

/** Some prompts of one request, all with a mask prompt or all without. */
export interface DecodeTask {
  readonly graph: DecoderGraph;
  readonly threads: number;
  readonly weights: PackedWeights;
  readonly embedding: ImageEmbedding;
  readonly prompts: readonly IndexedPrompt[];
  readonly multimask: boolean;
  readonly format: MaskFormat;
  readonly lowRes: boolean;
}

export interface IndexedPrompt {
  /** Its place in the request. */
  readonly index: number;
  readonly tokens: PromptTokens;
  readonly mask?: WireMask | undefined;
}

export interface DecodeResult {
  /** Milliseconds since the epoch when the worker took the task up. */
  readonly startedAt: number;
  readonly decodeMs: number;
  readonly encodeMs: number;
  /** In the order of the task's prompts. */
  readonly predictions: readonly { readonly masks: readonly PredictedMask[] }[];
}

/** Prompts to masks with one version. */
export default (task: DecodeTask): Promise<Outcome<DecodeResult>> => settle(() => decode(task));

/** performance.now() counts from each thread's own start; this is the same in all. */
const now = (): number => performance.timeOrigin + performance.now();

async function decode(task: DecodeTask): Promise<DecodeResult> {
  const startedAt = now();
  const { prompts, graph, embedding } = task;
  const size = [embedding.height, embedding.width] as const;
  const tokens = batchTokens(
    prompts.map((prompt) => prompt.tokens),
    graph.points,
  );
  const feeds: Record<string, Tensor> = {
    image_embedding: float32(embedding.data, [1, 4096, 256]),
    point_coords: float32(tokens.coords, [prompts.length, graph.points, 2]),
    point_labels: float32(tokens.labels, [prompts.length, graph.points]),
    ...(graph.mask ? await maskFeeds(prompts, size) : {}),
  };
  const session = await sessionOf(graph.path, task.threads);
  const weights = weightTensors(task.weights);
  for (const name of session.inputNames) feeds[name] ??= required(weights, name);
  const output = await session.run(feeds);
  const logits = values(output["low_res_logits"], prompts.length * maskTokens * plane);
  const scores = values(output["iou_predictions"], prompts.length * maskTokens);
  const decodedAt = now();

  const predictions = [];
  for (let p = 0; p < prompts.length; p++) {
    const masks = [];
    for (const token of chosen(scores.subarray(p * maskTokens, (p + 1) * maskTokens), task.multimask)) {
      const at = p * maskTokens + token;
      const lowRes = logits.subarray(at * plane, (at + 1) * plane);
      const mask = await predictedMask(lowRes, scores[at] as number, size, task.format);
      masks.push(task.lowRes ? { ...mask, lowRes: writeLogits(lowRes, [256, 256]) } : mask);
    }
    predictions.push({ masks });
  }
  return { startedAt, decodeMs: decodedAt - startedAt, encodeMs: now() - decodedAt, predictions };
}

const maskTokens = 4;
const plane = 256 * 256;

/** Token 0 alone, or SAM's three for an ambiguous prompt, best score first. */
function chosen(scores: Float32Array, multimask: boolean): number[] {
  return multimask ? [1, 2, 3].sort((a, b) => (scores[b] as number) - (scores[a] as number)) : [0];
}

async function maskFeeds(
  prompts: readonly IndexedPrompt[],
  size: readonly [number, number],
): Promise<Record<string, Tensor>> {
  const masks = new Float32Array(prompts.length * plane);
  for (const [i, { index, mask }] of prompts.entries()) {
    if (!mask) throw new Error("a prompt without a mask was sent to a graph for masks");
    try {
      masks.set(await maskPrompt(mask, size), i * plane);
    } catch (error) {
      throw error instanceof AppError ? error.within(`prompts[${index}]`) : error;
    }
  }
  return {
    mask_input: float32(masks, [prompts.length, 256, 256]),
    has_mask: float32(new Float32Array(prompts.length).fill(1), [prompts.length]),
  };
}

/** Tensors over the shared memory, kept so that 137 of them are not made for every call. */
const tensorCache = new LRUCache<string, Record<string, Tensor>>({ max: 16 });

function weightTensors({ id, buffer, tensors }: PackedWeights): Record<string, Tensor> {
  const cached = tensorCache.get(id);
  if (cached) return cached;
  const made = Object.fromEntries(
    tensors.map(({ name, shape, offset }) => {
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
