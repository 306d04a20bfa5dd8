import sharp from "sharp";
import { expect, it } from "vitest";
import { type Comparison, drawComparison } from "../../src/imaging/picture/comparison.ts";
import { viewOf } from "../../src/imaging/picture/panel.ts";
import type { Box } from "../../src/imaging/types.ts";
import { rectangleMask } from "../worlds/images.ts";

const [width, height] = [300, 240];

async function comparison(format: "png" | "jpeg" = "png"): Promise<Comparison> {
  const blank = { create: { width, height, channels: 3, background: "#ffffff" } } as const;
  return {
    image: await sharp(blank).toFormat(format).toBuffer(),
    box: [60, 40, 240, 200],
    before: rectangleMask(width, height, [60, 40, 240, 200]),
    after: rectangleMask(width, height, [110, 80, 190, 160]),
    truth: rectangleMask(width, height, [110, 80, 200, 160]),
    beforeIou: 0.25,
    afterIou: 0.89,
  };
}

it("is as wide as three telephones' pixels, and the same bytes for the same input", async () => {
  const picture = await drawComparison(await comparison());
  const { format, width: wide, height: high } = await sharp(picture).metadata();
  expect([format, wide, high]).toEqual(["webp", 1170, 445]);
  expect((await drawComparison(await comparison())).equals(picture)).toBe(true);
});

it("shows before, after and truth side by side, each mask in its colour where it is", async () => {
  const { data, info } = await sharp(await drawComparison(await comparison("jpeg")))
    .raw()
    .toBuffer({ resolveWithObject: true });
  /** At pixel (x, y) of the image in one of the panels: the colour that stands out, or grey. */
  const hue = (panel: number, x: number, y: number): string => {
    const view = viewOf([60, 40, 240, 200], { width, height }, { width: 378, height: 378 });
    const scale = 378 / Math.max(view.width, view.height);
    const column = 9 + panel * 387 + (378 - view.width * scale) / 2 + (x - view.left) * scale;
    const row = 58 + (378 - view.height * scale) / 2 + (y - view.top) * scale;
    const at = (Math.round(row) * info.width + Math.round(column)) * info.channels;
    const rgb = [...data.subarray(at, at + 3)];
    if (Math.max(...rgb) - Math.min(...rgb) < 25) return "grey";
    return ["red", "green", "blue"][rgb.indexOf(Math.max(...rgb))] as string;
  };
  expect([0, 1, 2].map((panel) => hue(panel, 150, 120))).toEqual(["red", "green", "blue"]);
  // Inside the first mask only, and outside of all.
  expect([0, 1, 2].map((panel) => hue(panel, 90, 120))).toEqual(["red", "grey", "grey"]);
  expect([0, 1, 2].map((panel) => hue(panel, 150, 215))).toEqual(["grey", "grey", "grey"]);
  // Between the two right edges: the truth's alone of the small ones.
  expect([1, 2].map((panel) => hue(panel, 195, 120))).toEqual(["grey", "blue"]);
});

it.each([
  ["a strip across", [10, 20, 990, 80], 1000, 100],
  ["a strip down", [20, 10, 80, 990], 100, 1000],
  ["a speck in a corner", [0, 0, 2, 3], 400, 300],
  ["all of the image", [0, 0, 400, 300], 400, 300],
] as [string, Box, number, number][])("never cuts the prompt off: %s", (_, box, wide, high) => {
  const view = viewOf(box, { width: wide, height: high }, { width: 378, height: 378 });
  expect(view.left).toBeLessThanOrEqual(Math.max(0, box[0]));
  expect(view.top).toBeLessThanOrEqual(Math.max(0, box[1]));
  expect(view.left + view.width).toBeGreaterThanOrEqual(box[2]);
  expect(view.top + view.height).toBeGreaterThanOrEqual(box[3]);
  expect(view.left + view.width).toBeLessThanOrEqual(wide);
  expect(view.top + view.height).toBeLessThanOrEqual(high);
});
