import { describe, expect, it } from "vitest";
import { seededRandom } from "../../../src/lib/random.ts";
import { labelScore, logitOf } from "../../../src/inference/find/scores.ts";
import { calibrate, uncalibrated } from "../../../src/training/finder/calibrate.ts";

describe("a finder's calibration", () => {
  const random = seededRandom(4);
  /** The share of objects among peaks of a logit: what is to be found again. */
  const truth = (logit: number): number => 1 / (1 + Math.exp(-(0.7 * logit + 1)));
  const peaks = Array.from({ length: 4000 }, () => {
    const logit = 3 * random.normal() - 1;
    return { logit, isObject: random.next() < truth(logit) };
  });
  const objects = peaks.filter(({ isObject }) => isObject).length + 100;

  it("brings logits to the share of them that are objects", () => {
    const { calibration } = calibrate(peaks, objects);
    for (const logit of [-4, -2, 0, 2])
      expect(Math.abs(labelScore(logit, { calibration }) - truth(logit))).toBeLessThan(0.04);
    expect(logitOf(labelScore(1.3, { calibration }), { calibration })).toBeCloseTo(1.3, 6);
  });

  it("takes the lowest threshold with a good F1", () => {
    const { calibration, threshold } = calibrate(peaks, objects);
    const f1 = (least: number): number => {
      const kept = peaks.filter(({ logit }) => labelScore(logit, { calibration }) >= least);
      return (2 * kept.filter(({ isObject }) => isObject).length) / (kept.length + objects);
    };
    const best = Math.max(...Array.from({ length: 99 }, (_, i) => f1((i + 1) / 100)));
    expect(f1(threshold)).toBeGreaterThan(best - 0.035);
    expect(f1(threshold - 0.05)).toBeLessThan(best - 0.03);
  });

  it("says nothing where all peaks are right, none is, or higher ones are worse", () => {
    expect(calibrate([{ logit: 1, isObject: true }], 1)).toEqual(uncalibrated);
    expect(calibrate([{ logit: 1, isObject: false }], 1)).toEqual(uncalibrated);
    const upside = peaks.map(({ logit, isObject }) => ({ logit: -logit, isObject }));
    expect(calibrate(upside, objects)).toEqual(uncalibrated);
  });
});
