import { boxOf } from "./geometry.ts";
import type { BinaryMask } from "./types.ts";

export interface InteriorPoint {
  /** Column and row of the pixel. */
  readonly x: number;
  readonly y: number;
  /** Squared Euclidean distance from its centre to the nearest background pixel's, at least 1. */
  readonly squaredDistance: number;
}

/**
 * The foreground pixel that lies deepest inside a mask: where SAM's and RITM's evaluations click (Kirillov et al. 2023,
 * appendix D; Sofiiuk et al. 2021). Beyond the image's edge lies background. The first in reading order counts
 * where several lie so deep; pixels in `taken` (y * width + x) are passed over. Null when there is none.
 * The distances are exact: Felzenszwalb and Huttenlocher 2012, columns first, then lower envelopes along rows.
 */
export function interiorPoint(
  mask: BinaryMask,
  taken: ReadonlySet<number> = new Set(),
): InteriorPoint | null {
  const [x0, y0, x1, y1] = boxOf(mask);
  const [width, height] = [x1 - x0, y1 - y0];
  if (width === 0) return null;
  const squared = squaredColumnDistances(mask, [x0, y0, x1, y1]);
  const envelope = new Envelope(width);
  let best: InteriorPoint | null = null;
  for (let y = 0; y < height; y++) {
    const row = squared.subarray(y * width, (y + 1) * width);
    const distances = envelope.of(row);
    for (let x = 0; x < width; x++) {
      const distance = distances[x] as number;
      if (distance <= (best?.squaredDistance ?? 0)) continue;
      if (taken.has((y + y0) * mask.width + x + x0)) continue;
      best = { x: x + x0, y: y + y0, squaredDistance: distance };
    }
  }
  return best;
}

/** For each pixel of the box, the square of its distance to the nearest background pixel of its column. */
function squaredColumnDistances(
  { width, data }: BinaryMask,
  [x0, y0, x1, y1]: readonly [number, number, number, number],
): Float64Array {
  const [boxWidth, boxHeight] = [x1 - x0, y1 - y0];
  const out = new Float64Array(boxWidth * boxHeight);
  for (let y = 0; y < boxHeight; y++) {
    for (let x = 0; x < boxWidth; x++) {
      const above = y === 0 ? 0 : (out[(y - 1) * boxWidth + x] as number);
      out[y * boxWidth + x] = data[(y + y0) * width + x + x0] === 1 ? above + 1 : 0;
    }
  }
  for (let y = boxHeight - 1; y >= 0; y--) {
    for (let x = 0; x < boxWidth; x++) {
      const below = y === boxHeight - 1 ? 0 : Math.sqrt(out[(y + 1) * boxWidth + x] as number);
      const nearest = Math.min(out[y * boxWidth + x] as number, below + 1);
      out[y * boxWidth + x] = nearest * nearest;
    }
  }
  return out;
}

/** Lower envelopes of parabolas over rows of one length, background before and behind; its memory is used again. */
class Envelope {
  readonly #at: Int32Array;
  readonly #height: Float64Array;
  readonly #from: Float64Array;
  readonly #out: Float64Array;

  constructor(width: number) {
    this.#at = new Int32Array(width + 2);
    this.#height = new Float64Array(width + 2);
    this.#from = new Float64Array(width + 3);
    this.#out = new Float64Array(width);
  }

  /** min over q of (x - q)^2 + row[q], q from -1 to the row's length, row being 0 at both. */
  of(row: Float64Array): Float64Array {
    const [at, height, from, out] = [this.#at, this.#height, this.#from, this.#out];
    let last = 0;
    at[0] = -1;
    height[0] = 0;
    from[0] = Number.NEGATIVE_INFINITY;
    for (let q = 0; q <= row.length; q++) {
      const value = q === row.length ? 0 : (row[q] as number);
      let meet = 0;
      for (;;) {
        const p = at[last] as number;
        meet = (value + q * q - (height[last] as number) - p * p) / (2 * (q - p));
        if (meet > (from[last] as number)) break;
        last--;
      }
      last++;
      at[last] = q;
      height[last] = value;
      from[last] = meet;
    }
    from[last + 1] = Number.POSITIVE_INFINITY;
    for (let x = 0, k = 0; x < row.length; x++) {
      while ((from[k + 1] as number) < x) k++;
      out[x] = (x - (at[k] as number)) ** 2 + (height[k] as number);
    }
    return out;
  }
}
