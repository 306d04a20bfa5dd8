import { eachColumnRun } from "./mask-facts.ts";
import { packRuns } from "./rle.ts";
import type { BinaryMask, Box, Point, RgbImage, RleMask, Size } from "./types.ts";

/** Mirrored left to right, upside down, and both, which is a turn by 180 degrees. Sizes stay as they are. */
export const flips = ["x", "y", "xy"] as const;
export type Flip = (typeof flips)[number];

/** The image's pixels in their new places, row-major RGB. */
export const flipImage = ({ width, height, data }: RgbImage, flip: Flip): RgbImage => ({
  width,
  height,
  data: moved(data, { size: [height, width], flip, channels: 3 }),
});

/** The same of a mask. */
export const flipMask = ({ width, height, data }: BinaryMask, flip: Flip): BinaryMask => ({
  width,
  height,
  data: moved(data, { size: [height, width], flip, channels: 1 }),
});

/** The same of a mask's run lengths, without its pixels. Throws AppError mask_rle_invalid. */
export function flipRle(rle: RleMask, flip: Flip): RleMask {
  const [height, width] = rle.size;
  const spans: [from: number, to: number][] = [];
  eachColumnRun(rle, (x, y0, y1) => {
    const column = (flip === "y" ? x : width - 1 - x) * height;
    const [from, to] = flip === "x" ? [y0, y1] : [height - y1, height - y0];
    spans.push([column + from, column + to]);
  });
  spans.sort(([a], [b]) => a - b);
  const runs: number[] = [];
  let end = 0;
  for (const [from, to] of spans) {
    // One that goes on where the last column ended.
    if (from === end && runs.length > 0) runs.push((runs.pop() as number) + to - from);
    else runs.push(from - end, to - from);
    end = to;
  }
  if (end < height * width || runs.length === 0) runs.push(height * width - end);
  return packRuns(runs, rle.size);
}

/** [x0, y0, x1, y1] in pixels of an image of this size, wherever flipping the image puts it. */
export function flipBox([x0, y0, x1, y1]: Box, [height, width]: Size, flip: Flip): Box {
  const [left, right] = flip === "y" ? [x0, x1] : [width - x1, width - x0];
  const [top, bottom] = flip === "x" ? [y0, y1] : [height - y1, height - y0];
  return [left, top, right, bottom];
}

/** The same of a click; its label stays. */
export const flipPoint = ([x, y, label]: Point, [height, width]: Size, flip: Flip): Point => [
  flip === "y" ? x : width - x,
  flip === "x" ? y : height - y,
  label,
];

function moved(
  from: Uint8Array,
  { size: [height, width], flip, channels }: { size: Size; flip: Flip; channels: number },
): Uint8Array<ArrayBuffer> {
  const to = new Uint8Array(width * height * channels);
  for (let y = 0, at = 0; y < height; y++) {
    const row = (flip === "x" ? y : height - 1 - y) * width;
    for (let x = 0; x < width; x++, at += channels) {
      const source = (row + (flip === "y" ? x : width - 1 - x)) * channels;
      for (let c = 0; c < channels; c++) to[at + c] = from[source + c] as number;
    }
  }
  return to;
}
