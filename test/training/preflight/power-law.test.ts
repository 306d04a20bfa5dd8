import { describe, expect, it } from "vitest";
import { seededRandom } from "../../../src/lib/random.ts";
import { fitPowerLaw, gainFromTwice, intervalsOf } from "../../../src/training/preflight/power-law.ts";

describe("the power law", () => {
  it("is found again in points that follow one", () => {
    const sizes = [6, 12, 24];
    const law = fitPowerLaw(
      sizes,
      sizes.map((n) => 1 - 0.9 * n ** -0.3),
    );
    expect(law.scale).toBeCloseTo(0.9, 10);
    expect(law.exponent).toBeCloseTo(0.3, 10);
    expect(gainFromTwice(law, 24)).toBeCloseTo(0.9 * (24 ** -0.3 - 48 ** -0.3), 10);
  });

  it("is flat where the points are, and never better than perfect", () => {
    expect(gainFromTwice(fitPowerLaw([5, 10, 20], [0.4, 0.4, 0.4]), 20)).toBeCloseTo(0, 10);
    const { exponent } = fitPowerLaw([5, 10, 20], [1, 1, 1]);
    expect(exponent).toBeCloseTo(0, 10);
  });

  it("takes points that get worse for what they are", () => {
    expect(gainFromTwice(fitPowerLaw([5, 10, 20], [0.5, 0.48, 0.46]), 20)).toBeLessThan(0);
  });
});

describe("its intervals", () => {
  const sizes = [6, 12, 24];
  /** Two folds of ten samples; sample i is so much harder than the others. */
  const folds = (ious: readonly number[], noise: number, samplesOfGroup = 1) => {
    const random = seededRandom(1);
    return [0, 1].map((fold) => ({
      groups: Array.from({ length: 10 }, (_, i) => `${fold}-${Math.floor(i / samplesOfGroup)}`),
      points: ious.map((iou) => Array.from({ length: 10 }, () => iou + noise * (random.next() - 0.5))),
    }));
  };
  const of = (ious: readonly number[], noise: number, samplesOfGroup = 1) =>
    intervalsOf(folds(ious, noise, samplesOfGroup), { sizes, imagesNow: 24, random: seededRandom(2) });

  it("are narrow round a clear rise, which is above zero", () => {
    const { points, gain } = of([0.3, 0.45, 0.57], 0.02);
    expect(points.map(({ mean }) => mean.toFixed(1))).toEqual(["0.3", "0.5", "0.6"]);
    expect(gain.low).toBeGreaterThan(0.05);
    expect(gain.high - gain.low).toBeLessThan(0.02);
  });

  it("take in zero where the curve is flat and the samples differ", () => {
    const { gain } = of([0.5, 0.5, 0.5], 0.4);
    expect(gain.low).toBeLessThan(0);
    expect(gain.high).toBeGreaterThan(0);
  });

  it("are wider where samples come in groups", () => {
    const width = (samplesOfGroup: number): number => {
      const shared = folds([0.3, 0.4, 0.5], 0).map(({ points }, fold) => ({
        groups: Array.from({ length: 10 }, (_, i) => `${fold}-${Math.floor(i / samplesOfGroup)}`),
        points: points.map((point) => point.map((iou, i) => iou + 0.1 * (Math.floor(i / 5) % 2))),
      }));
      const { points } = intervalsOf(shared, { sizes, imagesNow: 24, random: seededRandom(3) });
      const first = points[0] as { low: number; high: number };
      return first.high - first.low;
    };
    expect(width(5)).toBeGreaterThan(1.5 * width(1));
  });

  it("are the same again", () => {
    expect(of([0.3, 0.45, 0.5], 0.1)).toEqual(of([0.3, 0.45, 0.5], 0.1));
  });
});
