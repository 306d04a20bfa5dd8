import { areaOf, boxOf } from "../../imaging/geometry.ts";
import { stableMaskAtSize } from "../../imaging/postprocess.ts";
import { encodeRle } from "../../imaging/rle.ts";
import { fits } from "../../domain/model-family.ts";
import type { Box, Size } from "../../imaging/types.ts";
import { now } from "../../lib/clock.ts";
import { promptTokens } from "../decoder/prompt-tokens.ts";
import type { DecoderTask } from "../decoder/task.ts";
import { plane, runDecoder } from "../decoder/run.ts";
import { nearCropEdge } from "./crop-edge.ts";
import type { EverythingSettings } from "../../domain/everything.ts";
import type { Candidate, FoundAt } from "./types.ts";

/** Some points of one crop and one version; the embedding is the crop's. */
export interface PointsTask extends DecoderTask {
  /** [x, y] in pixels of the crop. */
  readonly points: readonly (readonly [number, number])[];
  readonly crop: Box;
  /** Places of the crop in the plan, and of the first point in its grid. */
  readonly first: Pick<FoundAt, "crop" | "point">;
  /** [height, width] of the whole image. */
  readonly size: Size;
  readonly settings: Pick<
    EverythingSettings,
    "predIouThresh" | "stabilityScoreThresh" | "stabilityScoreOffset"
  >;
}

export interface PointsResult {
  /** Milliseconds since the epoch when the worker took the task up. */
  readonly startedAt: number;
  readonly decodeMs: number;
  readonly encodeMs: number;
  /** Point by point, the masks of one in the decoder's order. */
  readonly candidates: readonly Candidate[];
  /** See DecoderTask. */
  readonly prefix?: SharedArrayBuffer;
}

/**
 * Decodes points, three masks each, and keeps those that are good and stable enough, not empty, and not cut off by a
 * crop's edge. The cheap test comes first: only masks that pass it are brought to the crop's size.
 * Source: segment-anything automatic_mask_generator.py, _process_batch.
 */
export async function decodePoints(task: PointsTask): Promise<PointsResult> {
  const startedAt = now();
  const { crop, embedding, settings } = task;
  const { family } = task.weights;
  const cropSize = [embedding.height, embedding.width] as const;
  const tokens = task.points.map(([x, y]) =>
    promptTokens({ points: [[x, y, 1]] }, cropSize, task.graph.points, family),
  );
  const { logits, scores, tokens: each, prefix } = await runDecoder(task, tokens);
  const decodedAt = now();
  // Meta compares float32 scores; a threshold of 0 means none.
  const [scoreAbove, stableFrom] = [settings.predIouThresh, settings.stabilityScoreThresh].map(
    Math.fround,
  ) as [number, number];
  const candidates: Candidate[] = [];
  for (const [p, [x, y]] of task.points.entries()) {
    for (let token = 1; token < each; token++) {
      const at = p * each + token;
      const score = scores[at] as number;
      if (scoreAbove > 0 && !(score > scoreAbove)) continue;
      const lowRes = logits.subarray(at * plane, (at + 1) * plane);
      const { mask, stability } = stableMaskAtSize(
        lowRes,
        cropSize,
        settings.stabilityScoreOffset,
        fits[family],
      );
      if (stableFrom > 0 && !(Math.fround(stability) >= stableFrom)) continue;
      const area = areaOf(mask);
      if (area === 0) continue;
      const [x0, y0, x1, y1] = boxOf(mask);
      const bbox: Box = [x0 + crop[0], y0 + crop[1], x1 + crop[0], y1 + crop[1]];
      if (nearCropEdge(bbox, crop, task.size)) continue;
      const point = [x + crop[0], y + crop[1]] as const;
      const foundAt = { crop: task.first.crop, point: task.first.point + p, token };
      candidates.push({ score, stability, point, bbox, area, crop, foundAt, mask: encodeRle(mask) });
    }
  }
  const times = { startedAt, decodeMs: decodedAt - startedAt, encodeMs: now() - decodedAt };
  return { ...times, candidates, ...(prefix ? { prefix } : {}) };
}
