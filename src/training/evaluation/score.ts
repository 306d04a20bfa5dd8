import type { PromptScores } from "../../domain/evaluation.ts";
import { boundaryIou } from "../../imaging/boundary-iou.ts";
import { boxOfRle, maskIn } from "../../imaging/cut-mask.ts";
import { boxRound } from "../../imaging/geometry.ts";
import { dice, iou } from "../../imaging/metrics.ts";
import type { RleMask } from "../../imaging/types.ts";

/** Scores of one answer to one prompt, at the original size; each in [0, 1], but `predictedIou`, which the decoder makes up. */
export interface Score {
  readonly iou: number;
  readonly dice: number;
  readonly boundaryIou: number;
  /** What the decoder says of its own answer. */
  readonly predictedIou: number;
}

/** What is compared between two decoders. */
export const measures = ["iou", "dice", "boundaryIou"] as const;
export type Measure = (typeof measures)[number];

/** What an answer's mask is worth; only the pixels round the two are looked at, whatever the image's size. */
export function scoreOf(answer: RleMask, truth: RleMask, predictedIou: number): Score {
  const area = boxRound(boxOfRle(answer), boxOfRle(truth));
  const [a, b] = [maskIn(answer, area), maskIn(truth, area)];
  return { iou: iou(a, b), dice: dice(a, b), boundaryIou: boundaryIou(a, b, truth.size), predictedIou };
}

export const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

export const meanScores = (scores: readonly Score[]): { meanIou: number; meanDice: number } => ({
  meanIou: meanOf(scores.map((score) => score.iou)),
  meanDice: meanOf(scores.map((score) => score.dice)),
});

export const promptScores = (scores: readonly Score[]): PromptScores => ({
  ...meanScores(scores),
  meanBoundaryIou: meanOf(scores.map((score) => score.boundaryIou)),
  calibrationError: calibrationError(scores),
});

const bins = 10;

/**
 * Expected calibration error of the decoder's IoU predictions: answers go into ten bins by what was predicted (cut to
 * [0, 1]); the mean distance between a bin's mean prediction and its mean IoU, weighted by answers.
 * Source: Guo et al. 2017, eq. 3, with IoU in the place of accuracy.
 */
export function calibrationError(scores: readonly Pick<Score, "iou" | "predictedIou">[]): number {
  const gaps = new Float64Array(bins);
  for (const { iou: found, predictedIou } of scores) {
    const predicted = Math.min(1, Math.max(0, predictedIou));
    const bin = Math.min(bins - 1, Math.floor(predicted * bins));
    gaps[bin] = (gaps[bin] as number) + predicted - found;
  }
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / scores.length;
}
