import type { OtherFocus } from "../../domain/serving.ts";
import type { Zoom } from "../../domain/focus.ts";
import type { Serving } from "../../domain/hyperparameters.ts";
import { someOf } from "../data/samples.ts";
import { costs } from "./costs.ts";
import type { Folds } from "../data/folds.ts";
import { type Trial, zoomText } from "./trials.ts";
import type { ZoomOption } from "./zoom-options.ts";

/** A zoom whose answers are too slow to be taken, and the budget seconds in which to find out what it would bring. */
export interface LeftOut {
  readonly option: ZoomOption;
  readonly seconds: number;
}

/** What became of it beside the zoom that was taken: mean IoU of the same samples, same recipe, same length. */
export interface OtherTried {
  readonly zoom: Zoom | null;
  readonly meanIou: number;
  readonly ownMeanIou: number;
  readonly samples: number;
  /** Budget seconds that it took. */
  readonly seconds: number;
}

/** Two trials on as much of the halves as the seconds encode. */
export interface OtherPlan {
  readonly folds: Folds;
  /** Budget seconds of the encodes, and in all. */
  readonly encodes: number;
  readonly seconds: number;
}

/** Fewer samples of each half tell nothing. */
const fewest = 5;

/**
 * How the zoom that is left out can be tried: on all of the halves, or on the samples of each that its seconds encode.
 * Null where these are too few. The same data, seconds and seed give the same.
 * @param samples that each half trains on in a trial
 */
export function planOther(
  { option: { regions }, seconds }: LeftOut,
  folds: Folds,
  { samples, seed }: { samples: number; seed: number },
): OtherPlan | null {
  const trials = 2 * 2 * (costs.engine + samples * costs.train);
  const each = regions * costs.encode + (regions + 1) * costs.score;
  const [a, b] = folds.parts;
  const count = Math.min(Math.floor((seconds - trials) / (2 * each)), Math.max(a.length, b.length));
  if (count < Math.min(fewest, a.length, b.length)) return null;
  const parts = [someOf(a, count, seed), someOf(b, count, seed)] as const;
  const judged = parts[0].length + parts[1].length;
  return {
    folds: { parts, halves: folds.halves },
    encodes: judged * regions * costs.encode,
    seconds: trials + judged * each,
  };
}

/** What a search knows of the zoom that the other serving would have. */
export function otherFocus(
  { zoom, other, trials }: { zoom: Zoom | null; other: OtherTried | null; trials: readonly Trial[] },
  {
    left,
    isQuick,
    samples,
  }: { left: ZoomOption | null; isQuick: (zoom: Zoom | null) => boolean; samples: number },
): OtherFocus | null {
  if (other) {
    const { meanIou, ownMeanIou } = other;
    return { zoom: other.zoom, refinedBy: null, meanIou, ownMeanIou, samples: other.samples };
  }
  const unknown = { refinedBy: null, meanIou: null, ownMeanIou: null, samples: 0 };
  if (left) return { zoom: left.zoom, ...unknown };
  if (isQuick(zoom)) return null;
  // Tried with the same recipe on the same samples; what was no candidate even for quick answers is plain SAM.
  const tried = trials.filter(({ rung }) => rung === "zoom");
  const own = tried.find((trial) => trial.zoom === zoom);
  const quick = tried.filter((trial) => isQuick(trial.zoom));
  const best = quick.reduce<Trial | null>((a, b) => (a && a.meanIou >= b.meanIou ? a : b), null);
  if (!best || !own) return { zoom: null, ...unknown };
  return { zoom: best.zoom, refinedBy: null, meanIou: best.meanIou, ownMeanIou: own.meanIou, samples };
}

/** The event that tells of it. */
export function otherText(serving: Serving, { zoom, meanIou, ownMeanIou, samples }: OtherFocus) {
  const what =
    serving === "interactive"
      ? `Given up for quick answers: ${zoomText(zoom)}`
      : `Its interactive twin would have: ${zoomText(zoom)}`;
  const known =
    meanIou === null || ownMeanIou === null
      ? "it was not tried"
      : `mean IoU ${meanIou.toFixed(3)} where the chosen has ${ownMeanIou.toFixed(3)}, on ${samples} samples in short trials, before masks are sharpened`;
  return {
    message: `${what}; ${known}`,
    data: { other_serving: { zoom, mean_iou: meanIou, own_mean_iou: ownMeanIou, samples } },
  };
}
