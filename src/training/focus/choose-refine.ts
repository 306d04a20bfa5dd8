import type { RgbImage } from "../../imaging/types.ts";
import { joinedLogits } from "../../imaging/stitch.ts";
import { refinedLogits } from "../../inference/refine/refined-logits.ts";
import type { Guided } from "../../domain/focus.ts";
import { truthOf } from "../data/samples.ts";
import type { SampleImage } from "../data/samples.ts";
import { areaIou, type WindowLogits } from "../evaluation/scores.ts";

const radii = [2, 4, 8, 16, 32];
const epsilons = [1e-2, 1e-3, 1e-4];
const thresholds = [0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6];
/** A filter has to bring so much mean IoU before masks depend on it: less is chance. */
const worthIt = 0.02;
/** A radius that loses so much makes larger ones not worth trying. */
const hopeless = 0.05;

export interface RefineChoice {
  /** Null: masks are best as they are. */
  readonly refine: Guided | null;
  /** Mean IoU without and with the choice. */
  readonly plainIou: number;
  readonly iou: number;
}

/**
 * The guided filter that brings the answers to these samples nearest to their truth, if any brings enough: the best
 * radius first, then the best epsilon for it, each with its best threshold. The samples should not all be those that the
 * weights were trained on.
 */
export async function chooseRefine(
  answers: readonly WindowLogits[],
  pixelsOf: (image: SampleImage) => Promise<RgbImage>,
  { signal, mostPixels }: { signal: AbortSignal; mostPixels?: number | undefined },
): Promise<RefineChoice> {
  const bound = mostPixels === undefined ? {} : { most_pixels: mostPixels };
  const truths = answers.map(({ sample }) => truthOf(sample));
  const mean = (of: (i: number) => number): number =>
    answers.reduce((sum, _, i) => sum + of(i), 0) / answers.length;
  const plainIou = mean((i) => {
    const { views, window } = answers[i] as WindowLogits;
    return areaIou(joinedLogits(window, views, { threshold: 0 }), truths[i] ?? null);
  });
  const tried = async (radius: number, epsilon: number): Promise<{ refine: Guided; iou: number }> => {
    const sums = thresholds.map(() => 0);
    for (const [i, answer] of answers.entries()) {
      signal.throwIfAborted();
      const { image } = answer.sample;
      const refine = {
        settings: { radius, epsilon, threshold: 0.5, ...bound },
        image: await pixelsOf(image),
        sha256: image.sha256,
      };
      const sharp = await refinedLogits(answer, refine, null);
      for (const [t, threshold] of thresholds.entries()) {
        const edge = Math.log(threshold / (1 - threshold));
        const iou = areaIou(sharp, truths[i] ?? null, edge);
        sums[t] = (sums[t] as number) + iou / answers.length;
      }
    }
    const best = sums.indexOf(Math.max(...sums));
    return {
      refine: { radius, epsilon, threshold: thresholds[best] as number, ...bound },
      iou: sums[best] as number,
    };
  };
  let best: { refine: Guided | null; iou: number } = { refine: null, iou: plainIou };
  for (const radius of radii) {
    const next = await tried(radius, 1e-3);
    if (next.iou > best.iou) best = next;
    if (next.iou < best.iou - hopeless) break;
  }
  if (best.refine) {
    const { radius } = best.refine;
    for (const epsilon of epsilons.filter((value) => value !== 1e-3)) {
      const next = await tried(radius, epsilon);
      if (next.iou > best.iou) best = next;
    }
  }
  if (best.iou < plainIou + worthIt) return { refine: null, plainIou, iou: plainIou };
  return { refine: best.refine, plainIou, iou: best.iou };
}
