import { AppError } from "../lib/errors.ts";
import { areaOf, boxOf } from "./geometry.ts";
import { encodeRle, packCounts, unpackCounts } from "./rle.ts";
import type { Box, Size, WireMask } from "./types.ts";
import { checkMaskSize, readMask } from "./wire-mask.ts";

/** A mask as an annotation keeps it. */
export interface KeptMask {
  /** COCO's compressed run-length text, at the image's size, without empty runs. */
  readonly counts: string;
  /** Foreground pixels, at least 1. */
  readonly area: number;
  /** Tight; x1 and y1 are exclusive. */
  readonly box: Box;
}

/**
 * The mask that a request sent, at the image's `size` [height, width]. Run lengths are measured as they are: no pixel of
 * theirs is ever drawn. Throws what readMask throws.
 */
export async function keptMask(wire: WireMask, size: Size): Promise<KeptMask> {
  if (wire.format === "rle") return keptRuns(wire, size);
  const mask = await readMask(wire, size);
  const box = boxOf(mask);
  return { counts: encodeRle(mask, box).counts, area: areaOf(mask, box), box };
}

function keptRuns(rle: { size: Size; counts: string }, size: Size): KeptMask {
  const [height, width] = size;
  try {
    checkMaskSize(rle.size, size);
    const runs = joined(unpackCounts(rle.counts, height * width));
    const measured = measure(runs, height, width);
    if (measured.area === 0) throw new AppError("mask_empty", "the mask has no foreground pixel");
    return { counts: packCounts(runs), ...measured };
  } catch (error) {
    throw error instanceof AppError ? error.within("mask") : error;
  }
}

/** The same mask without runs of no pixel, but for the first. */
function joined(runs: readonly number[]): number[] {
  const out: number[] = [];
  for (let i = 0; i < runs.length; i++) {
    const run = runs[i] as number;
    const last = out.length - 1;
    // Of the same colour as the last one that is kept, as what lay between had no pixel.
    if (last >= 0 && last % 2 === i % 2) out[last] = (out[last] as number) + run;
    else if (run > 0 || i === 0) out.push(run);
  }
  return out;
}

function measure(runs: readonly number[], height: number, width: number): { area: number; box: Box } {
  let [x0, y0, x1, y1] = [width, height, 0, 0];
  let area = 0;
  let from = 0;
  for (let i = 0; i < runs.length; i++) {
    const to = from + (runs[i] as number);
    if (i % 2 === 1) {
      area += to - from;
      const [left, right] = [Math.floor(from / height), Math.floor((to - 1) / height)];
      if (left < x0) x0 = left;
      if (right >= x1) x1 = right + 1;
      // What goes on in another column reaches the bottom of this one and the top of that one.
      const [top, bottom] = left === right ? [from - left * height, to - right * height] : [0, height];
      if (top < y0) y0 = top;
      if (bottom > y1) y1 = bottom;
    }
    from = to;
  }
  return { area, box: area === 0 ? [0, 0, 0, 0] : [x0, y0, x1, y1] };
}
