import { describe, expect, it } from "vitest";
import { featureCount } from "../../../src/imaging/points/features.ts";
import { headParts, type PointHead } from "../../../src/imaging/points/head.ts";
import { seededRandom } from "../../../src/lib/random.ts";
import { gradientOf, type HeadGradient } from "../../../src/training/points/gradient.ts";
import type { PointSet } from "../../../src/training/points/point-set.ts";

const hidden = 6;
const random = seededRandom(9);
const numbers = (count: number, scale: number): Float32Array =>
  Float32Array.from({ length: count }, () => scale * random.normal());
const head = {
  hidden,
  ...Object.fromEntries(headParts(hidden).map(([part, count]) => [part, numbers(count, 0.5)])),
} as PointHead;
const points: PointSet = {
  count: 20,
  features: numbers(20 * featureCount, 1),
  logits: numbers(20, 2),
  truths: Float32Array.from({ length: 20 }, () => random.below(2)),
  weights: Float32Array.from({ length: 20 }, () => 0.2 + random.next()),
};
const chosen = [0, 3, 4, 7, 11, 12, 18];

describe("the slopes of a point head's loss", () => {
  const parts = ["w1", "b1", "w2", "b2", "w3", "b3"] as const satisfies readonly (keyof HeadGradient)[];

  it.each(parts)("agree with finite differences in every number of %s", (part) => {
    const slopes = gradientOf(head, points, chosen).gradient[part];
    const step = 2 ** -10;
    let [worst, largest] = [0, 0];
    for (const [i, slope] of slopes.entries()) {
      const was = head[part][i] as number;
      const lossAt = (value: number): number => {
        head[part][i] = value;
        const { loss } = gradientOf(head, points, chosen);
        head[part][i] = was;
        return loss;
      };
      const measured = (lossAt(was + step) - lossAt(was - step)) / (2 * step);
      worst = Math.max(worst, Math.abs(measured - slope));
      largest = Math.max(largest, Math.abs(slope));
    }
    expect(largest).toBeGreaterThan(1e-3);
    expect(worst / largest).toBeLessThan(0.02);
  });

  it("look at the pixels that were chosen, by their weights", () => {
    const one = gradientOf(head, points, [3]).loss;
    const other = gradientOf(head, points, [7]).loss;
    const [a, b] = [points.weights[3] as number, points.weights[7] as number];
    expect(gradientOf(head, points, [3, 7]).loss).toBeCloseTo((a * one + b * other) / (a + b), 10);
  });
});
