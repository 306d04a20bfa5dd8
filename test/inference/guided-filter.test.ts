import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { refineArea } from "../../src/inference/refine.ts";
import { refineWindow } from "../../src/inference/refine-window.ts";

const reference = JSON.parse(
  readFileSync(new URL("../imaging/reference/guided-filter.json", import.meta.url), "utf8"),
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
  it("is He's, with windows cut at the border, as numpy has it (bench/reference/guided_filter.py)", async () => {
    const { width, height, radius, epsilon, threshold } = reference;
    const guide = { width, height, data: Uint8Array.from(reference.guide) };
    const refined = await refineArea({
      logits: Float32Array.from(reference.logits),
      size: [height, width],
      guide,
      box: null,
      refine: { radius, epsilon, threshold },
      threads: 1,
    });
    const worst = Math.max(...reference.refined.map((value, i) => Math.abs(value - (refined[i] as number))));
    expect(worst).toBeLessThan(2e-3);
  });

  it("brings back a line that the logits only know as a blur", async () => {
    const [width, height] = [60, 40];
    const truth = Uint8Array.from({ length: width * height }, (_, i) => (i % width === 30 ? 1 : 0));
    const data = new Uint8Array(3 * truth.length).fill(240);
    for (const [i, bit] of truth.entries()) if (bit) data.set([30, 30, 160], 3 * i);
    const blur = Float32Array.from(truth, (_, i) => 1.5 - 0.5 * Math.abs((i % width) - 30));
    const countWrong = (logits: Float32Array): number =>
      truth.reduce((sum, bit, i) => sum + ((logits[i] as number) > 0 === (bit === 1) ? 0 : 1), 0);
    const refine = { radius: 8, epsilon: 1e-3, threshold: 0.4 };
    const task = { refine, box: null, threads: 1 };
    const sharp = await refineWindow(blur, { width, height, data }, [0, 0, width, height], task);
    expect(countWrong(blur)).toBe(4 * height);
    expect(countWrong(sharp)).toBe(0);
  });

  it("gives background everywhere where nothing may be foreground", async () => {
    const guide = { width: 8, height: 8, data: new Uint8Array(8 * 8 * 3) };
    const refined = await refineArea({
      logits: new Float32Array(64).fill(-9),
      size: [8, 8],
      guide,
      box: null,
      refine: { radius: 2, epsilon: 1e-3, threshold: 0.5 },
      threads: 1,
    });
    expect(refined.every((logit) => logit < -5)).toBe(true);
  });
});
