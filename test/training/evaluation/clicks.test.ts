import { describe, expect, it } from "vitest";
import { correctiveClick, firstClick } from "../../../src/training/evaluation/clicks.ts";
import { encodeRle } from "../../../src/imaging/rle.ts";
import { rectangle } from "../fixtures.ts";

const truth = rectangle(60, 40, [10, 10, 31, 31]);
const nothing = rectangle(60, 40, [0, 0, 0, 0]);

describe("simulated clicks", () => {
  it("begin in the middle", () => {
    expect(firstClick(encodeRle(truth))).toEqual([20.5, 20.5, 1]);
  });

  it("add what is missing and take away what is too much, the deeper of the two", () => {
    // 10 columns are missing on the right.
    expect(correctiveClick(rectangle(60, 40, [10, 10, 21, 31]), truth, [])?.[2]).toBe(1);
    const wide = correctiveClick(rectangle(60, 40, [10, 10, 46, 31]), truth, []);
    expect(wide?.[2]).toBe(0);
    expect(wide?.[0]).toBeGreaterThan(31);
    // 3 columns too many, 11 missing.
    const shifted = correctiveClick(rectangle(60, 40, [7, 10, 20, 31]), truth, []);
    expect(shifted?.[2]).toBe(1);
    expect(shifted?.[0]).toBeGreaterThan(20);
  });

  it("never fall on the same pixel twice, and end when nothing is wrong", () => {
    expect(correctiveClick(nothing, truth, [[20.5, 20.5, 1]])).not.toEqual([20.5, 20.5, 1]);
    expect(correctiveClick(truth, truth, [])).toBeNull();
    const dot = rectangle(60, 40, [5, 5, 6, 6]);
    expect(correctiveClick(nothing, dot, [])).toEqual([5.5, 5.5, 1]);
    expect(correctiveClick(nothing, dot, [[5.5, 5.5, 1]])).toBeNull();
  });
});
