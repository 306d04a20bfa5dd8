import type { MaskFormat, WireMask } from "../imaging/types.ts";
import { AppError } from "../lib/errors.ts";
import { now } from "../lib/clock.ts";
import { chosenTokens } from "./chosen-tokens.ts";
import { decodePoints, type PointsResult, type PointsTask } from "./everything/decode-points.ts";
import { type SuppressTask, suppress } from "./everything/suppress.ts";
import { type WriteTask, writeMasks, type WrittenMask } from "./everything/write-masks.ts";
import { look, type LookResult, type LookTask } from "./focused/look.ts";
import { shared } from "./low-res.ts";
import { maskPrompt } from "./mask-prompt.ts";
import { type Outcome, settle } from "./outcome.ts";
import { predictedMask } from "./predicted-mask.ts";
import type { PromptTokens } from "./prompt-tokens.ts";
import type { DecoderTask } from "./decoder-task.ts";
import { plane, runDecoder } from "./run-decoder.ts";
import type { PredictedMask } from "./types.ts";

/** Some prompts on one embedding, all with a mask prompt or all without. */
export interface DecodeTask extends DecoderTask {
  readonly prompts: readonly IndexedPrompt[];
}

/** What a request wants of its masks. */
export interface Wish {
  readonly multimask: boolean | "best";
  readonly format: MaskFormat;
  readonly polygonTolerance: number;
  readonly lowRes: boolean;
}

export interface IndexedPrompt {
  /** Its place in the request. */
  readonly index: number;
  readonly tokens: PromptTokens;
  readonly mask?: WireMask | undefined;
  readonly wish: Wish;
}

/** A mask whose low-res logits are still numbers, on shared memory. */
export type DecodedMask = Omit<PredictedMask, "lowRes"> & { readonly lowRes?: Float32Array };

export interface DecodeResult {
  /** Milliseconds since the epoch when the worker took the task up. */
  readonly startedAt: number;
  readonly decodeMs: number;
  readonly encodeMs: number;
  /** In the order of the task's prompts. */
  readonly predictions: readonly { readonly masks: readonly DecodedMask[] }[];
  /** See DecoderTask. */
  readonly prefix?: SharedArrayBuffer;
}

/** Prompts to masks with one version. */
export default (task: DecodeTask): Promise<Outcome<DecodeResult>> => settle(() => decode(task));

/** One prompt of a version that looks closer. */
export const looks = (task: LookTask): Promise<Outcome<LookResult>> => settle(() => look(task));

/** The steps of segment-everything, which share this worker's threads and sessions. */
export const points = (task: PointsTask): Promise<Outcome<PointsResult>> => settle(() => decodePoints(task));
export const boxes = (task: SuppressTask): Promise<Outcome<number[]>> => settle(async () => suppress(task));
export const masks = (task: WriteTask): Promise<Outcome<WrittenMask[]>> => settle(() => writeMasks(task));

async function decode(task: DecodeTask): Promise<DecodeResult> {
  const startedAt = now();
  const { prompts, graph, embedding } = task;
  const size = [embedding.height, embedding.width] as const;
  const given = graph.mask ? await maskPrompts(prompts, size) : undefined;
  const tokens = prompts.map((prompt) => prompt.tokens);
  const wanted = prompts.every(({ wish }) => wish.multimask === false) ? "first" : "all";
  const decoded = await runDecoder(task, tokens, { masks: given, wanted });
  const decodedAt = now();

  const predictions = [];
  const { tokens: each, logits, scores, prefix } = decoded;
  for (const [p, { wish }] of prompts.entries()) {
    const answers = [];
    for (const token of chosenTokens(scores.subarray(p * each, (p + 1) * each), wish.multimask)) {
      const at = p * each + token;
      const lowRes = logits.subarray(at * plane, (at + 1) * plane);
      const mask = await predictedMask(lowRes, scores[at] as number, size, wish);
      answers.push(wish.lowRes ? { ...mask, lowRes: shared(lowRes) } : mask);
    }
    predictions.push({ masks: answers });
  }
  const times = { startedAt, decodeMs: decodedAt - startedAt, encodeMs: now() - decodedAt };
  return { ...times, predictions, ...(prefix ? { prefix } : {}) };
}

/** [P, 256, 256] of prompts that all have a mask. */
async function maskPrompts(
  prompts: readonly IndexedPrompt[],
  size: readonly [number, number],
): Promise<Float32Array> {
  const given = new Float32Array(prompts.length * plane);
  for (const [i, { index, mask }] of prompts.entries()) {
    if (!mask) throw new Error("a prompt without a mask was sent to a graph for masks");
    try {
      given.set(await maskPrompt(mask, size), i * plane);
    } catch (error) {
      throw error instanceof AppError ? error.within(`prompts[${index}]`) : error;
    }
  }
  return given;
}
