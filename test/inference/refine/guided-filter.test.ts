import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { refineArea } from "../../../src/inference/refine/refine.ts";
import type { AreaLogits } from "../../../src/imaging/area-logits.ts";
import { joinedLogits } from "../../../src/imaging/stitch.ts";
import { refinedLogits } from "../../../src/inference/refine/refined-logits.ts";
import { wholeView } from "../../helpers/low-res.ts";

const reference = JSON.parse(
  readFileSync(new URL("../../imaging/reference/guided-filter.json", import.meta.url), "utf8"),
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
  it("is He's, with windows cut at the border, as numpy has it (peers/reference/guided_filter.py)", async () => {
    const { width, height, radius, epsilon, threshold } = reference;
    const guide = { width, height, data: Uint8Array.from(reference.guide) };
    const refined = await refineArea({
      logits: Float32Array.from(reference.logits),
      size: [height, width],
      guide,
      box: null,
      refine: { radius, epsilon, threshold },
    });
    const worst = Math.max(...reference.refined.map((value, i) => Math.abs(value - (refined[i] as number))));
    expect(worst).toBeLessThan(2e-3);
  });

  it("brings back a line that the logits only know as a blur", async () => {
    const side = 60;
    const truth = Uint8Array.from({ length: side * side }, (_, i) => (i % side === 30 ? 1 : 0));
    const data = new Uint8Array(3 * truth.length).fill(240);
    for (const [i, bit] of truth.entries()) if (bit) data.set([30, 30, 160], 3 * i);
    const blur = wholeView(side, (x) => 1.3 - 0.5 * Math.abs(x - 30));
    const window = [0, 0, side, side] as const;
    const countWrong = (logits: AreaLogits | null): number => {
      const found = new Uint8Array(side * side);
      const [left = 0, top = 0, right = 0] = logits?.area ?? [];
      const width = right - left;
      for (const [i, logit] of (logits?.data ?? []).entries())
        found[(top + Math.floor(i / width)) * side + left + (i % width)] = logit > 0 ? 1 : 0;
      return truth.reduce((sum, bit, i) => sum + (found[i] === bit ? 0 : 1), 0);
    };
    const settings = { radius: 8, epsilon: 1e-3, threshold: 0.4 };
    const refine = { settings, image: { width: side, height: side, data }, sha256: "line" };
    const seen = { window, views: [blur] };
    expect(countWrong(joinedLogits(window, [blur], { threshold: 0 }))).toBe(4 * side);
    expect(countWrong(await refinedLogits(seen, refine, null))).toBe(0);
  });

  it("gives background everywhere where nothing may be foreground", async () => {
    const guide = { width: 8, height: 8, data: new Uint8Array(8 * 8 * 3) };
    const refined = await refineArea({
      logits: new Float32Array(64).fill(-9),
      size: [8, 8],
      guide,
      box: null,
      refine: { radius: 2, epsilon: 1e-3, threshold: 0.5 },
    });
    expect(refined.every((logit) => logit < -5)).toBe(true);
  });
});
