import type { Fit } from "../domain/model-family.ts";
import { lowResSide } from "./coordinates.ts";
import { type Taps, tapsOf } from "./taps.ts";
import type { BinaryMask, Size } from "./types.ts";

/**
 * Low-res logits [256, 256] (the frame's, row-major) at the original size, row-major [height, width].
 * Source of `stretched`: sam2 utils/transforms.py, postprocess_masks, one bilinear step (align_corners=False).
 * Source of `padded`: segment-anything modeling/sam.py, postprocess_masks: bilinear (align_corners=False) to 1024, the padding cropped,
 * bilinear to the original size. Both steps are linear in each axis, so they run as one: three low-res rows to a row, then
 * three values to a pixel.
 */
export function logitsAtSize(lowRes: Float32Array, size: Size, fit: Fit = "padded"): Float32Array {
  const [height, width] = size;
  const out = new Float32Array(height * width);
  const { down, across } = tapsOf(size, size, fit);
  const { start, weights } = across;
  eachRow(lowRes, down, (narrow, y) => {
    for (let x = 0, w = 0, p = y * width; x < width; x++, w += 3, p++) {
      const at = start[x] as number;
      out[p] =
        (weights[w] as number) * (narrow[at] as number) +
        (weights[w + 1] as number) * (narrow[at + 1] as number) +
        (weights[w + 2] as number) * (narrow[at + 2] as number);
    }
  });
  return out;
}

/** Foreground (logit > 0) of low-res logits at the original size. */
export function maskAtSize(lowRes: Float32Array, size: Size, fit: Fit = "padded"): BinaryMask {
  const [height, width] = size;
  const data = new Uint8Array(height * width);
  const { down, across } = tapsOf(size, size, fit);
  const { start, weights } = across;
  // Weights are never negative: only pixels that see a value above 0 can be foreground.
  const take = (narrow: Float32Array, y: number): void => {
    const [from, to] = rangeAbove(narrow, start, 0);
    for (let x = from, w = 3 * from, p = y * width + from; x < to; x++, w += 3, p++) {
      const at = start[x] as number;
      const logit =
        (weights[w] as number) * (narrow[at] as number) +
        (weights[w + 1] as number) * (narrow[at + 1] as number) +
        (weights[w + 2] as number) * (narrow[at + 2] as number);
      data[p] = logit > 0 ? 1 : 0;
    }
  };
  eachRow(lowRes, down, take, rowsAbove(lowRes, 0));
  return { width, height, data };
}

/**
 * Foreground (logit > 0) at the original size, with its stability: the IoU of the masks that thresholds `offset` above and
 * below 0 would give, 0 where there is none. Source: segment-anything utils/amg.py, calculate_stability_score.
 */
export function stableMaskAtSize(
  lowRes: Float32Array,
  size: Size,
  offset: number,
  fit: Fit = "padded",
): { mask: BinaryMask; stability: number } {
  const [height, width] = size;
  const data = new Uint8Array(height * width);
  const { down, across } = tapsOf(size, size, fit);
  const { start, weights } = across;
  let [inner, outer] = [0, 0];
  eachRow(lowRes, down, (narrow, y) => {
    const [from, to] = rangeAbove(narrow, start, -offset);
    for (let x = from, w = 3 * from, p = y * width + from; x < to; x++, w += 3, p++) {
      const at = start[x] as number;
      const logit =
        (weights[w] as number) * (narrow[at] as number) +
        (weights[w + 1] as number) * (narrow[at + 1] as number) +
        (weights[w + 2] as number) * (narrow[at + 2] as number);
      if (logit > 0) data[p] = 1;
      if (logit > offset) inner++;
      if (logit > -offset) outer++;
    }
  });
  return { mask: { width, height, data }, stability: outer === 0 ? 0 : inner / outer };
}

/**
 * Interpolates down: hands out, for each output row, its [256] low-res values. With `wanted` [256], only the rows that
 * see a low-res row marked there.
 */
function eachRow(
  lowRes: Float32Array,
  { start, weights }: Taps,
  take: (narrow: Float32Array, y: number) => void,
  wanted?: Uint8Array,
): void {
  if (lowRes.length !== lowResSide ** 2) {
    throw new Error(`low-res logits are [256, 256], found ${lowRes.length} values`);
  }
  const narrow = new Float32Array(lowResSide);
  for (let y = 0; y < start.length; y++) {
    const row = start[y] as number;
    if (wanted && !wanted[row] && !wanted[row + 1] && !wanted[row + 2]) continue;
    const first = row * lowResSide;
    const [second, third] = [first + lowResSide, first + 2 * lowResSide];
    const [a, b, c] = [weights[3 * y] as number, weights[3 * y + 1] as number, weights[3 * y + 2] as number];
    for (let x = 0; x < lowResSide; x++) {
      narrow[x] =
        a * (lowRes[first + x] as number) +
        b * (lowRes[second + x] as number) +
        c * (lowRes[third + x] as number);
    }
    take(narrow, y);
  }
}

/** 1 for each of the 256 low-res rows that has a value above the threshold. */
function rowsAbove(lowRes: Float32Array, threshold: number): Uint8Array {
  const rows = new Uint8Array(lowResSide);
  for (let row = 0, at = 0; row < lowResSide; row++, at = row * lowResSide) {
    const end = at + lowResSide;
    while (at < end && !((lowRes[at] as number) > threshold)) at++;
    if (at < end) rows[row] = 1;
  }
  return rows;
}

/** The pixels [from, to) of a row that see a low-res value above the threshold. */
function rangeAbove(narrow: Float32Array, start: Int32Array, threshold: number): [number, number] {
  let low = 0;
  while (low < narrow.length && (narrow[low] as number) <= threshold) low++;
  if (low === narrow.length) return [0, 0];
  let high = narrow.length - 1;
  while ((narrow[high] as number) <= threshold) high--;
  return [firstAtLeast(start, low - 2), firstAtLeast(start, high + 1)];
}

/** The first index of an ascending array whose value is at least so much. */
function firstAtLeast(ascending: Int32Array, value: number): number {
  let [from, to] = [0, ascending.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((ascending[middle] as number) < value) from = middle + 1;
    else to = middle;
  }
  return from;
}
