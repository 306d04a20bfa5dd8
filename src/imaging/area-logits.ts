import type { Fit } from "../domain/model-family.ts";
import { inputSize, lowResSide } from "./coordinates.ts";
import { tapsOf } from "./taps.ts";
import type { Box, Size } from "./types.ts";

/** Where nothing was looked at: surely background. */
export const nothing = -20;
/** Logits of a part of an image; all that lies outside is background. */
export interface AreaLogits {
  /** [x0, y0, x1, y1] in whole pixels of the image, or of the scale that is worked at. */
  readonly area: Box;
  /** Row-major [height, width] of the area; 0 is the edge. */
  readonly data: Float32Array;
}

/** How a region is brought to pixels. */
export interface Scale {
  /** [height, width] of the region itself, which decides how it lies in its frame. */
  readonly region: Size;
  /** [height, width] that it is brought to; the region's own, or less. */
  readonly to: Size;
  readonly fit: Fit;
}

/**
 * The pixels of a region at some scale that may be above `threshold`, [x0, y0, x1, y1] from its top left: a pixel is a mean
 * of three by three low-res values, so what sees none above can't be. Null where none may be.
 */
export function extentAbove(lowRes: Float32Array, { region, to, fit }: Scale, threshold: number): Box | null {
  const [frameHeight, frameWidth] = inputSize(region, fit);
  const [rows, columns] = [Math.ceil(frameHeight / 4), Math.ceil(frameWidth / 4)];
  let [left, top, right, bottom] = [lowResSide, -1, -1, -1];
  // One more row and column than lie on the image, as interpolation sees them.
  const [lastRow, lastColumn] = [Math.min(lowResSide, rows + 1), Math.min(lowResSide, columns + 1)];
  for (let y = 0; y < lastRow; y++) {
    const start = y * lowResSide;
    let first = 0;
    while (first < lastColumn && !((lowRes[start + first] as number) > threshold)) first++;
    if (first === lastColumn) continue;
    let last = lastColumn - 1;
    while (!((lowRes[start + last] as number) > threshold)) last--;
    if (top < 0) top = y;
    bottom = y;
    if (first < left) left = first;
    if (last > right) right = last;
  }
  if (bottom < 0) return null;
  const { down, across } = tapsOf(region, to, fit);
  const [x0, x1] = [firstFrom(across.start, left - 2), firstFrom(across.start, right + 1)];
  const [y0, y1] = [firstFrom(down.start, top - 2), firstFrom(down.start, bottom + 1)];
  return x1 > x0 && y1 > y0 ? [x0, y0, x1, y1] : null;
}

/** The first pixel of an axis whose first low-res value is at least so far. */
function firstFrom(start: Int32Array, value: number): number {
  let [from, to] = [0, start.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((start[middle] as number) < value) from = middle + 1;
    else to = middle;
  }
  return from;
}

/**
 * Low-res logits of a region brought to some scale, those of `part` alone: [x0, y0, x1, y1] from the region's top left.
 * As logitsAtSize, value for value.
 */
export function logitsOfPart(lowRes: Float32Array, { region, to, fit }: Scale, part: Box): Float32Array {
  const { down, across } = tapsOf(region, to, fit);
  const [x0, y0, x1, y1] = part;
  const width = x1 - x0;
  const out = new Float32Array(width * (y1 - y0));
  if (out.length === 0) return out;
  const from = across.start[x0] as number;
  const until = (across.start[x1 - 1] as number) + 3;
  const narrow = new Float32Array(lowResSide);
  for (let y = y0, p = 0; y < y1; y++) {
    const first = (down.start[y] as number) * lowResSide;
    const [second, third] = [first + lowResSide, first + 2 * lowResSide];
    const w = 3 * y;
    const [a, b, c] = [
      down.weights[w] as number,
      down.weights[w + 1] as number,
      down.weights[w + 2] as number,
    ];
    for (let x = from; x < until; x++) {
      narrow[x] =
        a * (lowRes[first + x] as number) +
        b * (lowRes[second + x] as number) +
        c * (lowRes[third + x] as number);
    }
    for (let x = x0, i = 3 * x0; x < x1; x++, i += 3, p++) {
      const at = across.start[x] as number;
      out[p] =
        (across.weights[i] as number) * (narrow[at] as number) +
        (across.weights[i + 1] as number) * (narrow[at + 1] as number) +
        (across.weights[i + 2] as number) * (narrow[at + 2] as number);
    }
  }
  return out;
}
