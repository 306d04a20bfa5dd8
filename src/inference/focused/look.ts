import { lowResMean } from "../../imaging/coordinates.ts";
import { sharpen, sharpScore } from "../../imaging/sharpen.ts";
import { placed, type RegionLogits, stitch } from "../../imaging/stitch.ts";
import type { Box, MaskFormat, RgbImage, Size, WireMask } from "../../imaging/types.ts";
import { writeLogits } from "../../imaging/wire-mask.ts";
import { now } from "../../lib/clock.ts";
import type { Refine } from "../../lib/focus.ts";
import { chosenTokens } from "../chosen-tokens.ts";
import type { DecoderGraph } from "../graphs.ts";
import { certain } from "../mask-prompt.ts";
import type { PackedWeights } from "../packed-weights.ts";
import { maskOfLogits } from "../predicted-mask.ts";
import { type Decoded, plane, runDecoder } from "../run-decoder.ts";
import type { ImageEmbedding, PredictedMask } from "../types.ts";
import type { PlannedPart } from "./plan.ts";
import { regionMask } from "./region-mask.ts";

/** One prompt of one version that looks at parts of the image, or sharpens its masks by it. */
export interface LookTask {
  readonly graph: DecoderGraph;
  readonly threads: number;
  readonly weights: PackedWeights;
  /** Of the whole image. */
  readonly size: Size;
  readonly window: Box;
  readonly parts: readonly (PlannedPart & { readonly embedding: ImageEmbedding })[];
  /** As it was asked, in the whole image's frame. */
  readonly mask: WireMask | undefined;
  /** The whole image, where masks are sharpened, and the box that the caller drew, where there was one. */
  readonly sharpen: { readonly image: RgbImage; readonly refine: Refine; readonly box: Box | null } | null;
  readonly multimask: boolean | "best";
  readonly format: MaskFormat;
  readonly polygonTolerance: number;
  readonly lowRes: boolean;
}

export interface LookResult {
  /** Milliseconds since the epoch when the worker took the task up. */
  readonly startedAt: number;
  readonly decodeMs: number;
  readonly encodeMs: number;
  readonly masks: readonly PredictedMask[];
}

/** Decodes every part, joins their logits over the window, sharpens them, and lays them into the image. */
export async function look(task: LookTask): Promise<LookResult> {
  const startedAt = now();
  const { size, window, parts } = task;
  const runs: (Decoded & { part: PlannedPart })[] = [];
  for (const part of parts) {
    const masks = task.mask && (await regionMask(task.mask, size, part.region));
    runs.push({
      part,
      ...(await runDecoder({ ...task, embedding: part.embedding }, [part.tokens], { masks })),
    });
  }
  const decodedAt = now();
  const scores = Float32Array.from({ length: runs[0]?.tokens ?? 0 }, (_, token) => {
    const sum = runs.reduce((total, run) => total + (run.scores[token] as number), 0);
    return sum / Math.max(1, runs.length);
  });
  const masks = [];
  for (const token of chosenTokens(scores, task.multimask)) {
    const joined = stitch(
      window,
      runs.map(({ part, logits }): RegionLogits => ({
        region: part.region,
        lowRes: logits.subarray(token * plane, (token + 1) * plane),
      })),
    );
    const sharp = task.sharpen ? sharpen(joined, task.sharpen.image, window, task.sharpen) : joined;
    const logits = placed(sharp, window, size);
    const score = scores[token] as number;
    const told = task.sharpen ? sharpScore(score, task.sharpen.refine) : score;
    const mask = await maskOfLogits(logits, told, size, task);
    masks.push(task.lowRes ? { ...mask, lowRes: writeLogits(inLowRes(logits, size), [256, 256]) } : mask);
  }
  return { startedAt, decodeMs: decodedAt - startedAt, encodeMs: now() - decodedAt, masks };
}

/** In the whole image's frame, so that it fits any version as the next prompt's mask. */
function inLowRes(logits: Float32Array, size: Size): Float32Array {
  const { mean, valid } = lowResMean(logits, size);
  return mean.map((value, i) => (valid[i] === 1 ? value : -certain));
}
