import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { boxMean } from "../../src/imaging/box-mean.ts";
import { guidedLogits } from "../../src/imaging/guided-filter.ts";
import { sharpen } from "../../src/imaging/sharpen.ts";
import { seededRandom } from "../../src/lib/random.ts";

const reference = JSON.parse(
  readFileSync(new URL("reference/guided-filter.json", import.meta.url), "utf8"),
) as {
  height: number;
  width: number;
  radius: number;
  epsilon: number;
  threshold: number;
  guide: number[];
  logits: number[];
  refined: number[];
};

describe("the guided filter", () => {
  it("is He's, with windows cut at the border, as numpy has it (bench/reference/guided_filter.py)", () => {
    const { width, height, radius, epsilon, threshold } = reference;
    const guide = { width, height, data: Uint8Array.from(reference.guide) };
    const refined = guidedLogits(Float32Array.from(reference.logits), guide, { radius, epsilon, threshold });
    const worst = Math.max(...reference.refined.map((value, i) => Math.abs(value - (refined[i] as number))));
    expect(worst).toBeLessThan(2e-3);
  });

  it("brings back a line that the logits only know as a blur", () => {
    const [width, height] = [60, 40];
    const truth = Uint8Array.from({ length: width * height }, (_, i) => (i % width === 30 ? 1 : 0));
    const data = new Uint8Array(3 * truth.length).fill(240);
    for (const [i, bit] of truth.entries()) if (bit) data.set([30, 30, 160], 3 * i);
    const blur = Float32Array.from(truth, (_, i) => 1.5 - 0.5 * Math.abs((i % width) - 30));
    const countWrong = (logits: Float32Array): number =>
      truth.reduce((sum, bit, i) => sum + ((logits[i] as number) > 0 === (bit === 1) ? 0 : 1), 0);
    const refine = { radius: 8, epsilon: 1e-3, threshold: 0.4 };
    const sharp = sharpen(blur, { width, height, data }, [0, 0, width, height], { refine, box: null });
    expect(countWrong(blur)).toBe(4 * height);
    expect(countWrong(sharp)).toBe(0);
  });

  it("gives background everywhere where nothing may be foreground", () => {
    const guide = { width: 8, height: 8, data: new Uint8Array(8 * 8 * 3) };
    const refined = guidedLogits(new Float32Array(64).fill(-9), guide, {
      radius: 2,
      epsilon: 1e-3,
      threshold: 0.5,
    });
    expect(refined.every((logit) => logit < -5)).toBe(true);
  });

  it("takes a mean over what lies inside", () => {
    const random = seededRandom(3);
    const plane = Float32Array.from({ length: 7 * 5 }, () => random.next());
    const means = boxMean(plane, [5, 7], 2);
    const corner = [0, 1, 2].flatMap((y) => [0, 1, 2].map((x) => plane[y * 7 + x] as number));
    expect(means[0]).toBeCloseTo(corner.reduce((a, b) => a + b) / 9, 5);
    const all = Array.from(plane).reduce((a, b) => a + b) / 35;
    expect(boxMean(plane, [5, 7], 9)[12]).toBeCloseTo(all, 5);
  });
});
