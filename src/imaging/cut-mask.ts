import { eachColumnRun } from "./mask-facts.ts";
import type { BinaryMask, Box, RleMask } from "./types.ts";

/** The part of a mask that lies in its own box. */
export interface CutMask extends BinaryMask {
  /** Tight box of the whole. */
  readonly box: Box;
}

/** A mask's pixels in its own box alone, whatever its image's size. Throws AppError mask_rle_invalid; null where it has none. */
export function cutMask(rle: RleMask): CutMask | null {
  const box = boxOfRle(rle);
  return box[2] === 0 ? null : { ...maskIn(rle, box), box };
}

/** Tight, x1 and y1 exclusive; [0, 0, 0, 0] for an empty mask. Throws AppError mask_rle_invalid. */
export function boxOfRle(rle: RleMask): Box {
  let [x0, y0, x1, y1] = [Infinity, Infinity, 0, 0];
  eachColumnRun(rle, (x, from, to) => {
    if (from === to) return;
    x0 = Math.min(x0, x);
    x1 = x + 1;
    y0 = Math.min(y0, from);
    y1 = Math.max(y1, to);
  });
  return x1 === 0 ? [0, 0, 0, 0] : [x0, y0, x1, y1];
}

/** Those of a mask's pixels that lie in an area of its image, as a mask of that area. Throws AppError mask_rle_invalid. */
export function maskIn(rle: RleMask, [x0, y0, x1, y1]: Box): BinaryMask {
  const [width, height] = [x1 - x0, y1 - y0];
  const data = new Uint8Array(width * height);
  eachColumnRun(rle, (x, from, to) => {
    if (x < x0 || x >= x1) return;
    const end = Math.min(to, y1);
    for (let y = Math.max(from, y0), at = (y - y0) * width + x - x0; y < end; y++, at += width) data[at] = 1;
  });
  return { width, height, data };
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
