import type { Fit } from "../domain/model-family.ts";
import { lowResSide } from "./coordinates.ts";
import { packRuns } from "./rle.ts";
import { Columns } from "./rle-columns.ts";
import { type Taps, tapsOf } from "./taps.ts";
import type { Box, RleMask, Size } from "./types.ts";

/**
 * What encodeRle, boxOf and areaOf say of maskAtSize, to the bit, without the mask's pixels: low-res logits [256, 256]
 * to run lengths at the original size.
 *
 * A pixel is a mean of 3 x 3 low-res values with weights that are never negative, so where all nine have one sign it has
 * it too. Only pixels whose nine differ are interpolated, in the same steps as maskAtSize; they lie along the edge.
 *
 * `size` [height, width] is that of what was encoded; where that is a part of an image, `within` is the image's size and the
 * part's top left [x, y] there.
 */
export function rleAtSize(
  lowRes: Float32Array,
  size: Size,
  within: { readonly at: readonly [number, number]; readonly size: Size } = { at: [0, 0], size },
  fit: Fit = "padded",
): { rle: RleMask; bbox: Box; area: number } {
  if (lowRes.length !== lowResSide ** 2) {
    throw new Error(`low-res logits are [256, 256], found ${lowRes.length} values`);
  }
  const [height, width] = size;
  const { down, across } = tapsOf(size, size, fit);
  const rows = (down.start[height - 1] as number) + 1;
  const blocks = blocksOf(lowRes, rows);
  const columns = new Columns(within.at, within.size, height);
  const narrow = new Float32Array(3 * height);
  for (let k = 0; k < side; k++) {
    const [from, to] = [across.first[k] as number, across.first[k + 1] as number];
    if (from === to) continue;
    const parts = partsOf(blocks, rows, k, down);
    for (const { y0, y1, sign } of parts) if (sign === mixed) narrowRows(narrow, lowRes, down, k, y0, y1);
    for (let x = from; x < to; x++) {
      const [a, b, c] = weightsAt(across, x);
      for (const { y0, y1, sign } of parts) {
        if (sign !== mixed) {
          columns.add(x, y0, y1, sign === above);
          continue;
        }
        let [start, value] = [y0, false];
        for (let y = y0, n = 3 * y0; y < y1; y++, n += 3) {
          const logit =
            a * (narrow[n] as number) + b * (narrow[n + 1] as number) + c * (narrow[n + 2] as number);
          if (logit > 0 === value) continue;
          columns.add(x, start, y, value);
          [start, value] = [y, !value];
        }
        columns.add(x, start, y1, value);
      }
    }
  }
  const { runs, bbox, area } = columns.end(width);
  return { rle: packRuns(runs, within.size), bbox, area };
}

/** Blocks of 3 x 3 low-res values along one axis: as many as first values of a pixel's three. */
const side = lowResSide - 2;

/** What a block holds; as bits, so that a block's is what all its values have in common. */
const [mixed, above, below] = [0, 1, 2];

/**
 * Very small values and infinite ones count as mixed: their products may be 0 or no number at all, and only the
 * interpolation itself tells.
 */
const [least, most] = [1e-30, 1e30];

/** [rows, 256] of the first so many rows of blocks, of which each has its first column's place. */
function blocksOf(lowRes: Float32Array, rows: number): Uint8Array {
  const signs = new Uint8Array((rows + 2) * lowResSide);
  // Two values back and one: what is written lies two behind what is read. Rows run on into each other, in blocks that
  // no pixel sees.
  let [before, last] = [mixed, mixed];
  for (let i = 0; i < signs.length; i++) {
    const value = lowRes[i] as number;
    const sign = value <= 0 ? below : value > least && value < most ? above : mixed;
    if (i > 1) signs[i - 2] = before & last & sign;
    before = last;
    last = sign;
  }
  // Four blocks at a time, in place: what lies ahead is still what it was
  const words = new Uint32Array(signs.buffer);
  const row = lowResSide / 4;
  for (let i = 0; i < rows * row; i++)
    words[i] = (words[i] as number) & (words[i + row] as number) & (words[i + 2 * row] as number);
  return signs;
}

/** Pixels [y0, y1) of a column whose blocks are of one sign, or mixed. */
interface Part {
  readonly y0: number;
  y1: number;
  readonly sign: number;
}

/** What the blocks of one low-res column are for the pixels that see them, top down. */
function partsOf(blocks: Uint8Array, rows: number, k: number, { first }: Taps): Part[] {
  const parts: Part[] = [];
  let last: Part | undefined;
  for (let r = 0; r < rows; r++) {
    const [y0, y1] = [first[r] as number, first[r + 1] as number];
    if (y0 === y1) continue;
    const sign = blocks[r * lowResSide + k] as number;
    if (last && last.sign === sign) last.y1 = y1;
    else parts.push((last = { y0, y1, sign }));
  }
  return parts;
}

/** Interpolates down: the three low-res values that pixels [y0, y1) of these columns see, in `narrow` [height, 3]. */
function narrowRows(
  narrow: Float32Array,
  lowRes: Float32Array,
  { start, weights }: Taps,
  k: number,
  y0: number,
  y1: number,
): void {
  for (let y = y0; y < y1; y++) {
    const first = (start[y] as number) * lowResSide + k;
    const [second, third] = [first + lowResSide, first + 2 * lowResSide];
    const [a, b, c] = [weights[3 * y] as number, weights[3 * y + 1] as number, weights[3 * y + 2] as number];
    for (let i = 0; i < 3; i++) {
      narrow[3 * y + i] =
        a * (lowRes[first + i] as number) +
        b * (lowRes[second + i] as number) +
        c * (lowRes[third + i] as number);
    }
  }
}

const weightsAt = ({ weights }: Taps, x: number): [number, number, number] => [
  weights[3 * x] as number,
  weights[3 * x + 1] as number,
  weights[3 * x + 2] as number,
];
