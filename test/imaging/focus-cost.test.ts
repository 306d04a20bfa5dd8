import { describe, expect, it } from "vitest";
import { focusCost, quickPixels, type Refining, warmRatio } from "../../src/imaging/focus-cost.ts";
import type { Box, Size } from "../../src/imaging/types.ts";

const size: Size = [600, 800];
const box: Box = [100, 100, 200, 180];
const window = { context: 2, tiles: 1, click_side: 200 };
const tiles = { context: 2, tiles: 2, click_side: 200 };
const plain = { zoom: null, refine: null };

describe("what an answer costs", () => {
  it("is one decode of the image's own embedding for plain SAM, by box and by click", () => {
    for (const by of ["box", "click"] as const)
      expect(focusCost(plain, size, { box, by })).toEqual({ encodes: 0, decodes: 1, refinedPixels: 0 });
    expect(warmRatio(focusCost(plain, size, { box, by: "box" }), null)).toBe(1);
  });

  it("is one encode for a window, and none where the window is the image", () => {
    expect(focusCost({ zoom: window, refine: null }, size, { box, by: "box" })).toEqual({
      encodes: 1,
      decodes: 1,
      refinedPixels: 0,
    });
    const large: Box = [10, 10, 790, 590];
    expect(focusCost({ zoom: window, refine: null }, size, { box: large, by: "box" }).encodes).toBe(0);
  });

  it("is an encode and a decode for every tile, and for a click those of a first look as well", () => {
    const focus = { zoom: tiles, refine: null };
    expect(focusCost(focus, size, { box, by: "box" })).toMatchObject({ encodes: 4, decodes: 4 });
    expect(focusCost(focus, size, { box, by: "click" })).toMatchObject({ encodes: 5, decodes: 5 });
  });

  it("counts the pixels that refining may change: round the object, inside the window, scaled down where it is large", () => {
    const filter = { radius: 8, epsilon: 1e-3, threshold: 0.5 };
    const pixels = (image: Size, of: Box, refine: Refining): number =>
      focusCost({ zoom: null, refine }, image, { box: of, by: "box" }).refinedPixels;
    expect(pixels(size, box, "points")).toBe(164 * 144);
    expect(pixels(size, box, filter)).toBe(134 * 114);
    expect(pixels(size, [0, 0, 800, 600], filter)).toBe(800 * 600);
    expect(pixels([3000, 4000], [0, 0, 4000, 3000], filter)).toBe(1024 * 768);
    for (const bounded of ["points", { ...filter, most_pixels: quickPixels }] as const)
      expect(pixels(size, [0, 0, 800, 600], bounded)).toBe(quickPixels);
    const small = focusCost({ zoom: null, refine: "points" }, size, { box, by: "box" });
    const large = focusCost({ zoom: null, refine: "points" }, size, { box: [0, 0, 800, 600], by: "box" });
    expect(warmRatio(small, "points")).toBeGreaterThan(1);
    expect(warmRatio(large, "points")).toBeGreaterThan(warmRatio(small, "points"));
  });
});
