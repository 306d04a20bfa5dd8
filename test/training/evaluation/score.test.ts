import { describe, expect, it } from "vitest";
import { calibrationError, promptScores, scoreOf } from "../../../src/training/evaluation/score.ts";
import { boundaryIou } from "../../../src/imaging/boundary-iou.ts";
import { dice, iou } from "../../../src/imaging/metrics.ts";
import { encodeRle } from "../../../src/imaging/rle.ts";
import { seededRandom } from "../../../src/lib/random.ts";
import { correctiveClick, nextClick } from "../../../src/training/evaluation/clicks.ts";
import type { Box, Point } from "../../../src/imaging/types.ts";
import { rectangle } from "../fixtures.ts";

const rle = (width: number, height: number, box: Box) => encodeRle(rectangle(width, height, box));
const said = (predictedIou: number, found: number) => ({ predictedIou, iou: found });

describe("scores", () => {
  it("hold an answer against the truth", () => {
    const score = scoreOf(rle(64, 48, [0, 0, 20, 10]), rle(64, 48, [10, 0, 30, 10]), 0.7);
    expect(score).toMatchObject({ iou: 100 / 300, dice: 0.5, predictedIou: 0.7 });
    // The boundary is 2 deep: frames of 104 pixels, of which 2 x 2 x 10 lie on each other, and 2 x 2 x 6 at the ends.
    expect(score.boundaryIou).toBeCloseTo(40 / (2 * 104 - 40), 12);
    expect(promptScores([score, scoreOf(rle(8, 8, [0, 0, 4, 4]), rle(8, 8, [0, 0, 4, 4]), 1)])).toEqual({
      meanIou: (1 / 3 + 1) / 2,
      meanDice: 0.75,
      meanBoundaryIou: (score.boundaryIou + 1) / 2,
      calibrationError: (0.7 - 1 / 3) / 2,
    });
  });
});

describe("scores and clicks from the pixels round two masks", () => {
  const random = seededRandom(8);
  const size = { width: 90, height: 70 };
  /** Up to three discs, some of them across the image's edge. */
  const blobs = (count: number) => {
    const data = new Uint8Array(size.width * size.height);
    for (let n = 0; n < count; n++) {
      const [cx, cy, r] = [random.below(size.width), random.below(size.height), 1 + random.below(14)];
      for (let i = 0; i < data.length; i++)
        if (Math.hypot((i % size.width) - cx, Math.floor(i / size.width) - cy) <= r) data[i] = 1;
    }
    return { ...size, data };
  };

  it("are those of all the image's pixels", () => {
    for (let round = 0; round < 60; round++) {
      const [a, b] = [blobs(random.below(4)), blobs(random.below(4))];
      const [answer, truth] = [encodeRle(a), encodeRle(b)];
      expect(scoreOf(answer, truth, 0.5)).toEqual({
        iou: iou(a, b),
        dice: dice(a, b),
        boundaryIou: boundaryIou(a, b),
        predictedIou: 0.5,
      });
      const before = [1, 2, 3].map((): Point => [random.below(90) + 0.5, random.below(70) + 0.5, 1]);
      expect(nextClick(answer, truth, before)).toEqual(correctiveClick(a, b, before));
    }
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
