import { describe, expect, test } from "vitest";
import { inputSize, lowResMean, toInputFrame } from "../../src/imaging/coordinates.ts";
import { areaOf, boxOf, checkBox, checkPoint, clipBox, clipPoint } from "../../src/imaging/geometry.ts";
import { dice, iou } from "../../src/imaging/metrics.ts";
import type { BinaryMask, Box, Point } from "../../src/imaging/types.ts";
import { codeOf } from "../helpers/codes.ts";
import { randomMask } from "../worlds/images.ts";

function rectangle(width: number, height: number, [x0, y0, x1, y1]: Box): BinaryMask {
  const data = new Uint8Array(width * height);
  for (let y = y0; y < y1; y++) data.fill(1, y * width + x0, y * width + x1);
  return { width, height, data };
}

describe("boxes and points", () => {
  test("the box of a mask is tight, with exclusive ends", () => {
    expect(boxOf(rectangle(20, 10, [3, 2, 7, 9]))).toEqual([3, 2, 7, 9]);
    expect(boxOf(rectangle(20, 10, [0, 0, 20, 10]))).toEqual([0, 0, 20, 10]);
    expect(boxOf(rectangle(20, 10, [0, 0, 0, 0]))).toEqual([0, 0, 0, 0]);
    expect(areaOf(rectangle(20, 10, [3, 2, 7, 9]))).toBe(28);
  });

  test.each<[Box, string | null]>([
    [[0, 0, 20, 10], null],
    [[4.5, 4.5, 4.75, 4.75], null],
    [[0, 0, 1, 1], null],
    // Shares of the image in the place of pixels.
    [[0.5, 0.5, 0.75, 0.75], "box_zero_area"],
    [[0.2, 0.1, 1, 1], "box_zero_area"],
    [[5, 5, 5, 8], "box_zero_area"],
    [[8, 5, 5, 8], "box_zero_area"],
    [[-1, 0, 5, 5], "box_outside_image"],
    [[0, 0, 20.5, 10], "box_outside_image"],
    [[30, 30, 40, 40], "box_outside_image"],
    [[Number.NaN, 0, 5, 5], "box_outside_image"],
    [[0, 0, 5, Number.NaN], "box_outside_image"],
  ])("box %j gives %s", async (box, code) => {
    expect(await codeOf(() => checkBox(box, [10, 20]))).toBe(code);
  });

  test.each<[Point, string | null]>([
    [[0, 0, 1], null],
    [[20, 10, 0], null],
    [[20.1, 10, 0], "point_outside_image"],
    [[5, -0.1, 0], "point_outside_image"],
    [[Number.NaN, 5, 0], "point_outside_image"],
    [[5, 5, 2], "point_label_unknown"],
    [[5, 5, -1], "point_label_unknown"],
    [[5, 5, Number.NaN], "point_label_unknown"],
  ])("point %j gives %s", async (point, code) => {
    expect(await codeOf(() => checkPoint(point, [10, 20]))).toBe(code);
  });
});

describe("at the edge of an image of 20 x 10", () => {
  test.each<[Box, Box | string]>([
    [
      [1, 2, 3, 4],
      [1, 2, 3, 4],
    ],
    [
      [-0.4, -30, 20.4, 5],
      [0, 0, 20, 5],
    ],
    [
      [19, 9, 99, 99],
      [19, 9, 20, 10],
    ],
    [[20, 2, 24, 7], "box_outside_image"],
    [[-9, 2, 0, 7], "box_outside_image"],
    [[30, 7, 25, 2], "box_outside_image"],
    [[5, 5, 5, 8], "box_zero_area"],
    [[Number.NaN, 0, 5, 5], "box_outside_image"],
  ])("box %j becomes %s", async (box, to) => {
    if (typeof to === "string") expect(await codeOf(() => clipBox(box, [10, 20]))).toBe(to);
    else expect(clipBox(box, [10, 20])).toEqual(to);
  });

  test.each<[Point, Point | string]>([
    [
      [20.9, -0.9, 1],
      [20, 0, 1],
    ],
    [
      [5, 5, 0],
      [5, 5, 0],
    ],
    [[21, 5, 1], "point_outside_image"],
    [[5, Number.NaN, 1], "point_outside_image"],
    [[-0.5, 5, 2], "point_label_unknown"],
  ])("point %j becomes %s", async (point, to) => {
    if (typeof to === "string") expect(await codeOf(() => clipPoint(point, [10, 20]))).toBe(to);
    else expect(clipPoint(point, [10, 20])).toEqual(to);
  });
});

describe("metrics", () => {
  const [a, b] = [rectangle(20, 10, [0, 0, 10, 10]), rectangle(20, 10, [5, 0, 15, 10])];
  const empty = rectangle(20, 10, [0, 0, 0, 0]);

  test("of half-overlapping masks", () => {
    expect(iou(a, b)).toBeCloseTo(50 / 150, 12);
    expect(dice(a, b)).toBeCloseTo(100 / 200, 12);
  });

  test("of equal, disjoint and empty masks", () => {
    expect([iou(a, a), dice(a, a)]).toEqual([1, 1]);
    expect([iou(a, empty), dice(a, empty)]).toEqual([0, 0]);
    expect([iou(empty, empty), dice(empty, empty)]).toEqual([1, 1]);
  });

  test("of masks of different sizes are refused", () => {
    expect(() => iou(a, rectangle(10, 20, [0, 0, 1, 1]))).toThrow("compared");
  });
});

describe("the 1024 frame", () => {
  test.each([
    [
      [480, 640],
      [768, 1024],
    ],
    [
      [1024, 1024],
      [1024, 1024],
    ],
    [
      [187, 301],
      [636, 1024],
    ],
    [
      [4000, 3000],
      [1024, 768],
    ],
  ] as const)("%j fills %j of it", (size, expected) => {
    expect(inputSize(size)).toEqual(expected);
  });

  test("points move with their axis's own factor", () => {
    expect(Array.from(toInputFrame([301, 187, 150.5, 93.5], [187, 301]))).toEqual([1024, 636, 512, 318]);
  });

  test.each([
    [97, 61],
    [300, 200],
    [1500, 1100],
    [640, 641],
  ])("the low-res shares of a %i x %i mask keep its area, cell by cell", (width, height) => {
    const mask = randomMask(width, height, width);
    const { mean, valid } = lowResMean(mask.data, [height, width]);
    const [inputHeight, inputWidth] = inputSize([height, width]);
    // Each cell's own area in original pixels, the last cut by the image's edge.
    const side = (i: number, inputSide: number, all: number) =>
      Math.min(all, (4 * (i + 1) * all) / inputSide) - (4 * i * all) / inputSide;
    let area = 0;
    let misplaced = 0;
    for (let r = 0; r < 256; r++) {
      for (let c = 0; c < 256; c++) {
        const on = 4 * r < inputHeight && 4 * c < inputWidth;
        if (valid[r * 256 + c] !== (on ? 1 : 0)) misplaced++;
        const share = mean[r * 256 + c] as number;
        if (on) area += share * side(r, inputHeight, height) * side(c, inputWidth, width);
        else if (share !== 0) misplaced++;
      }
    }
    expect(misplaced).toBe(0);
    expect(area / areaOf(mask)).toBeCloseTo(1, 5);
  });

  test("the share of a rectangle is 1 inside, 0 outside and a share on its edge", () => {
    // 512 x 512: each low-res cell is 2 x 2 pixels.
    const { mean } = lowResMean(rectangle(512, 512, [101, 200, 300, 400]).data, [512, 512]);
    const at = (r: number, c: number) => mean[r * 256 + c];
    expect([at(150, 49), at(150, 50), at(150, 51), at(150, 149), at(150, 150)]).toEqual([0, 0.5, 1, 1, 0]);
    expect([at(99, 100), at(100, 100), at(199, 100), at(200, 100)]).toEqual([0, 1, 1, 0]);
  });
});
