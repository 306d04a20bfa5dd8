import { logitsAtSize } from "./postprocess.ts";
import type { Box } from "./types.ts";

/** Where nothing was looked at: surely background. */
export const nothing = -20;
/** One sure tile must not overrule its neighbours. */
const bound = 12;

/** Low-res logits [256, 256] of one region of an image, in the padded frame of that region. */
export interface RegionLogits {
  /** [x0, y0, x1, y1] in whole pixels of the image. */
  readonly region: Box;
  readonly lowRes: Float32Array;
}

/**
 * The logits of a window, row-major [height, width] at the image's own scale, from those of its parts. Where parts
 * overlap, each counts by its distance from its own edges, so that no seam is seen; a part alone counts as it is.
 */
export function stitch(window: Box, parts: readonly RegionLogits[]): Float32Array {
  const [left, top, right, bottom] = window;
  const [width, height] = [right - left, bottom - top];
  const [only] = parts;
  if (parts.length === 1 && only && only.region.every((edge, i) => edge === window[i])) {
    return logitsAtSize(only.lowRes, [height, width]);
  }
  const sums = new Float32Array(width * height);
  const weights = new Float32Array(width * height);
  for (const { region, lowRes } of parts) {
    const [w, h] = [region[2] - region[0], region[3] - region[1]];
    const logits = logitsAtSize(lowRes, [h, w]);
    const across = nearnessToMiddle(w);
    const down = nearnessToMiddle(h);
    for (let y = 0, from = 0; y < h; y++) {
      let to = (region[1] - top + y) * width + region[0] - left;
      for (let x = 0; x < w; x++, from++, to++) {
        const weight = (across[x] as number) * (down[y] as number);
        const logit = Math.max(-bound, Math.min(bound, logits[from] as number));
        sums[to] = (sums[to] as number) + weight * logit;
        weights[to] = (weights[to] as number) + weight;
      }
    }
  }
  for (let i = 0; i < sums.length; i++) {
    const weight = weights[i] as number;
    sums[i] = weight > 0 ? (sums[i] as number) / weight : nothing;
  }
  return sums;
}

/** 0 < value <= 1 by pixel of an axis: the distance to the nearer end as a share of the length. */
const nearnessToMiddle = (length: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.min(i + 1, length - i) / length);

/** A window's logits laid into the image, row-major [height, width]; elsewhere is background. */
export function placed(
  logits: Float32Array,
  window: Box,
  [height, width]: readonly [number, number],
): Float32Array {
  const [left, top, right, bottom] = window;
  const side = right - left;
  if (side === width && bottom - top === height) return logits;
  const out = new Float32Array(width * height).fill(nothing);
  for (let y = top, from = 0; y < bottom; y++, from += side) {
    out.set(logits.subarray(from, from + side), y * width + left);
  }
  return out;
}
