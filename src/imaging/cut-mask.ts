import { eachColumnRun } from "./mask-facts.ts";
import type { BinaryMask, Box, RleMask } from "./types.ts";

/** The part of a mask that lies in its own box. */
export interface CutMask extends BinaryMask {
  /** Tight box of the whole. */
  readonly box: Box;
}

/** A mask's pixels in its own box alone, whatever its image's size. Throws AppError mask_rle_invalid; null where it has none. */
export function cutMask(rle: RleMask): CutMask | null {
  let [x0, y0, x1, y1] = [Infinity, Infinity, 0, 0];
  eachColumnRun(rle, (x, from, to) => {
    x0 = Math.min(x0, x);
    x1 = x + 1;
    y0 = Math.min(y0, from);
    y1 = Math.max(y1, to);
  });
  if (x1 === 0) return null;
  const [width, height] = [x1 - x0, y1 - y0];
  const data = new Uint8Array(width * height);
  eachColumnRun(rle, (x, from, to) => {
    for (let at = (from - y0) * width + x - x0, y = from; y < to; y++, at += width) data[at] = 1;
  });
  return { width, height, data, box: [x0, y0, x1, y1] };
}

/** Runs of a mask's rows, one row after the other, of background first; the first may be 0. */
export function* rowRuns({ width, height, data }: BinaryMask): Generator<number, void, undefined> {
  let [value, run] = [0, 0];
  for (let i = 0; i < width * height; i++) {
    if (data[i] !== value) {
      yield run;
      [value, run] = [data[i] as number, 0];
    }
    run++;
  }
  yield run;
}
