import { describe, expect, it } from "vitest";
import { agreement, near, nearMasks, relativeDistance, relativeError } from "../../tools/gpu/judge.ts";
import { tableOf } from "../../tools/gpu/table.ts";

const row = (...values: number[]): Float32Array => Float32Array.from(values);

describe("the GPU check's judge", () => {
  it("measures by the largest magnitude, and by length", () => {
    expect(relativeError(row(1, -4), row(1, -3))).toBe(0.25);
    expect(relativeError(row(0, 0), row(0, 0.5))).toBe(0.5);
    expect(relativeDistance(row(3, 4), row(3, 9))).toBeCloseTo(1);
  });

  it("passes nothing that is missing, short, or no number", () => {
    const judge = near(1e9);
    expect(judge({ x: row(1) }, { x: row(1) }).passes).toBe(true);
    const wrong: Record<string, Float32Array>[] = [
      {},
      { x: row() },
      { x: row(Number.NaN) },
      { x: row(Number.POSITIVE_INFINITY) },
    ];
    for (const device of wrong) expect(judge({ x: row(1) }, device).passes).toBe(false);
    // One array that is right does not hide another that is wrong.
    expect(judge({ x: row(1), y: row(2) }, { x: row(1), y: row(Number.NaN) }).passes).toBe(false);
  });

  it("counts the pixels in which masks differ", () => {
    expect(agreement(row(1, 2, -1, -1), row(1, -2, -1, 3))).toEqual({ iou: 1 / 3, apart: 2, pixels: 4 });
    expect(agreement(row(-1), row(-2))).toEqual({ iou: 1, apart: 0, pixels: 1 });
    const verdict = nearMasks(10, "x")({ x: row(1, 0.1) }, { x: row(1, -0.1) });
    expect(verdict).toMatchObject({ passes: false, note: "mask IoU 0.500000, 1 of 2 pixels apart" });
  });
});

describe("the GPU check's table", () => {
  const measured = { way: "webgpu" as const, stage: "decode", cpuMs: 40, deviceMs: 10, startMs: 900 };

  it("says of each way how it did, or why it is not here, or where it ended", () => {
    const text = tableOf("a card", [
      {
        text: "first",
        missing: null,
        rows: [{ ...measured, error: 2e-5, passes: true, note: "even" }],
        broken: "the process ended with SIGABRT at train",
      },
      { text: "second", missing: "no a|b library", rows: [], broken: null },
    ]);
    expect(text).toMatch(/^On: a card\.\n/);
    expect(text).toMatch(
      /\| first +\| decode +\| 40\.0 +\| 10\.0 +\| 0\.25 +\| 900 +\| 2\.0e-5 +\| pass: even/,
    );
    expect(text).toContain("| fail: the process ended with SIGABRT at train");
    expect(text).toContain("| not here: no a/b library");
  });

  it("says that there is no GPU where no way is here", () => {
    const text = tableOf("no driver", [{ text: "only", missing: "nothing", rows: [], broken: null }]);
    expect(text).toMatch(/^No GPU to compute on here: no driver\./);
  });
});
