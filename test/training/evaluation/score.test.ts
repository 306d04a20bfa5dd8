import { describe, expect, it } from "vitest";
import { calibrationError, promptScores, scoreOf } from "../../../src/training/evaluation/score.ts";
import { rectangle } from "../fixtures.ts";

const said = (predictedIou: number, iou: number) => ({ predictedIou, iou });

describe("scores", () => {
  it("hold an answer against the truth", () => {
    const score = scoreOf(rectangle(64, 48, [0, 0, 20, 10]), rectangle(64, 48, [10, 0, 30, 10]), 0.7);
    expect(score).toMatchObject({ iou: 100 / 300, dice: 0.5, predictedIou: 0.7 });
    // The boundary is 2 deep: frames of 104 pixels, of which 2 x 2 x 10 lie on each other, and 2 x 2 x 6 at the ends.
    expect(score.boundaryIou).toBeCloseTo(40 / (2 * 104 - 40), 12);
    expect(
      promptScores([score, scoreOf(rectangle(8, 8, [0, 0, 4, 4]), rectangle(8, 8, [0, 0, 4, 4]), 1)]),
    ).toEqual({
      meanIou: (1 / 3 + 1) / 2,
      meanDice: 0.75,
      meanBoundaryIou: (score.boundaryIou + 1) / 2,
      calibrationError: (0.7 - 1 / 3) / 2,
    });
  });
});

describe("the expected calibration error", () => {
  it("is 0 where what is said is what is found, on average in each bin", () => {
    expect(calibrationError([said(0.5, 0.5), said(0.92, 0.97), said(0.97, 0.92)])).toBeCloseTo(0, 12);
  });

  it("adds what the bins are off by, each by its share", () => {
    expect(calibrationError([said(0.9, 0.4), said(0.95, 0.45), said(0.2, 0.4), said(0.5, 0.5)])).toBeCloseTo(
      (0.5 + 0.5 + 0.2) / 4,
      12,
    );
  });

  it("doesn't let one bin's doubt make up for another's boast", () => {
    expect(calibrationError([said(0.9, 0.7), said(0.3, 0.5)])).toBeCloseTo(0.2, 12);
  });

  it("takes predictions beyond [0, 1], which a decoder can make", () => {
    expect(calibrationError([said(1.2, 1), said(-0.3, 0)])).toBe(0);
  });
});
