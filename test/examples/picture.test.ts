import sharp from "sharp";
import { expect, it } from "vitest";
import { drawPicture, type PictureRow } from "../../examples/demo/picture.ts";
import type { BinaryMask } from "../../src/imaging/types.ts";

const [width, height] = [200, 150];

function block(x0: number, y0: number, x1: number, y1: number): BinaryMask {
  const data = new Uint8Array(width * height);
  for (let y = y0; y < y1; y++) data.fill(1, y * width + x0, y * width + x1);
  return { width, height, data };
}

async function row(): Promise<PictureRow> {
  const image = await sharp({ create: { width, height, channels: 3, background: "#ffffff" } })
    .png()
    .toBuffer();
  const [before, after, truth] = [block(40, 30, 160, 120), block(80, 60, 120, 90), block(81, 60, 120, 90)];
  const masks = { before, after, truth, beforeIou: 0.1, afterIou: 0.9 };
  return { title: "Median", image, box: [40, 30, 160, 120], ...masks };
}

it("gives the same bytes for the same rows", async () => {
  const picture = await drawPicture([await row(), await row()]);
  expect((await drawPicture([await row(), await row()])).equals(picture)).toBe(true);
});

it("shows page, base, tuned and truth side by side, each mask where it is", async () => {
  const { data, info } = await sharp(await drawPicture([await row()]))
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const panel = (info.width - 14) / 4;
  /** The strongest channel at a place of a panel, or grey. */
  const hue = (index: number, x: number, y: number): string => {
    const at =
      (Math.round(50 + y * 252) * info.width + Math.round(14 + index * panel + x * (panel - 14))) *
      info.channels;
    const rgb = [...data.subarray(at, at + 3)];
    if (Math.max(...rgb) - Math.min(...rgb) < 25) return "grey";
    return ["red", "green", "blue"][rgb.indexOf(Math.max(...rgb))] as string;
  };
  expect([0, 1, 2, 3].map((i) => hue(i, 0.5, 0.5))).toEqual(["grey", "red", "green", "blue"]);
  // Outside the small masks, inside the base's.
  expect([0, 1, 2, 3].map((i) => hue(i, 0.2, 0.5))).toEqual(["grey", "red", "grey", "grey"]);
  expect([0, 1, 2, 3].map((i) => hue(i, 0.02, 0.02))).toEqual(["grey", "grey", "grey", "grey"]);
});
