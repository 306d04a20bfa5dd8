import type { Finder } from "../../domain/finder.ts";

/** A peak on an image that had not trained the finder: its logit, and whether an object was there. */
export interface JudgedPeak {
  readonly logit: number;
  readonly isObject: boolean;
}

/** Where nothing could judge: logits as they are, and a threshold that leaves out more than it lets through. */
export const uncalibrated: Pick<Finder, "calibration" | "threshold"> = {
  calibration: { slope: 1, offset: 0 },
  threshold: 0.3,
};

/** Steps of Newton's method; four are enough where there is an end. */
const steps = 25;
/** What holds slope and offset where peaks can be told apart without a mistake. */
const ridge = 1;

/**
 * Platt's calibration (1999): the share of peaks of a logit that are objects, by logistic regression, and the label score from
 * which F1 is as good as the best. `objects` counts those that were there, found or not.
 */
export function calibrate(
  peaks: readonly JudgedPeak[],
  objects: number,
): Pick<Finder, "calibration" | "threshold"> {
  const right = peaks.filter(({ isObject }) => isObject).length;
  if (right === 0 || right === peaks.length) return uncalibrated;
  let [slope, offset] = [1, 0];
  for (let step = 0; step < steps; step++) {
    // Gradient and curvature of the log-likelihood, drawn towards slope 1 and offset 0.
    let [gs, go, hss, hso, hoo] = [ridge * (slope - 1), ridge * offset, ridge, 0, ridge];
    for (const { logit, isObject } of peaks) {
      const share = sigmoid(slope * logit + offset);
      const miss = share - (isObject ? 1 : 0);
      const curve = share * (1 - share);
      gs += miss * logit;
      go += miss;
      hss += curve * logit * logit;
      hso += curve * logit;
      hoo += curve;
    }
    const determinant = hss * hoo - hso * hso;
    slope -= (hoo * gs - hso * go) / determinant;
    offset -= (hss * go - hso * gs) / determinant;
  }
  // A finder whose higher logits are worse knows nothing.
  if (!(slope > 0.05) || !Number.isFinite(offset)) return uncalibrated;
  const calibration = { slope, offset };
  return { calibration, threshold: bestThreshold(peaks, objects, calibration) };
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/**
 * F1 hardly differs over many thresholds where objects are few, and a finder that was trained on half of the data is less
 * sure than the last one will be: of those within so much of the best the lowest is taken.
 */
const asGood = 0.03;

function bestThreshold(
  peaks: readonly JudgedPeak[],
  objects: number,
  { slope, offset }: Finder["calibration"],
): number {
  const sorted = [...peaks].sort((a, b) => b.logit - a.logit);
  let right = 0;
  const f1s = sorted.map(({ isObject }, i) => {
    right += isObject ? 1 : 0;
    return (2 * right) / (i + 1 + objects);
  });
  const best = Math.max(...f1s);
  const last = f1s.findLastIndex((f1) => f1 >= best - asGood);
  const logit = sorted[last]?.logit ?? 0;
  // Between this peak and the next, so that a hair's difference decides nothing.
  const next = sorted[last + 1]?.logit ?? logit - 1;
  return Math.min(0.95, Math.max(0.02, sigmoid((slope * (logit + next)) / 2 + offset)));
}
