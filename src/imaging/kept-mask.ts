import { AppError } from "../lib/errors.ts";
import { decodeBrush } from "./brush-rle.ts";
import { areaOf, boxOf } from "./geometry.ts";
import { polygonsToRuns } from "./polygons.ts";
import { CountsWriter, eachRun, encodeRle } from "./rle.ts";
import type { BinaryMask, Box, Size, WireMask } from "./types.ts";
import { checkMaskSize, readMask } from "./wire-mask.ts";

/** Label Studio's brush, as bytes; see brush-rle.ts. */
export interface BrushMask {
  readonly format: "brush";
  readonly rle: Uint8Array;
}

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
 * The mask that a request sent, at the image's `size` [height, width]. Run lengths are measured as they are, polygons
 * by their crossings: no pixel of theirs is ever drawn. Throws what readMask throws.
 */
export async function keptMask(wire: WireMask | BrushMask, size: Size): Promise<KeptMask> {
  const [height, width] = size;
  if (wire.format === "brush") return keptPixels(decodeBrush(wire.rle, width, height));
  try {
    if (wire.format === "rle") {
      checkMaskSize(wire.size, size);
      const kept = new KeptRuns(height, width);
      eachRun(wire.counts, height * width, (run, i) => kept.add(run, i));
      return kept.end();
    }
    if (wire.format === "polygon") {
      const kept = new KeptRuns(height, width);
      for (const [i, run] of polygonsToRuns(wire.polygons, width, height).entries()) kept.add(run, i);
      return kept.end();
    }
  } catch (error) {
    throw error instanceof AppError ? error.within("mask") : error;
  }
  const mask = await readMask(wire, size);
  const box = boxOf(mask);
  return { counts: encodeRle(mask, box).counts, area: areaOf(mask, box), box };
}

/**
 * The mask of column-major run lengths, background first, at `size` [height, width]; runs may be empty.
 * Throws AppError mask_rle_invalid, where they do not add up, and mask_empty.
 */
export function keptRuns(runs: Iterable<number>, [height, width]: Size): KeptMask {
  const kept = new KeptRuns(height, width);
  let [total, index] = [0, 0];
  for (const run of runs) {
    if (!(Number.isInteger(run) && run >= 0))
      throw new AppError("mask_rle_invalid", `counts[${index}] is ${run}, no length`, { param: "counts" });
    total += run;
    kept.add(run, index++);
  }
  if (total !== width * height)
    throw new AppError(
      "mask_rle_invalid",
      `counts add up to ${total} pixels, the image has ${width * height}`,
      { param: "counts" },
    );
  return kept.end();
}

/** A mask's pixels as they are kept. Throws AppError mask_empty. */
export function keptPixels(mask: BinaryMask): KeptMask {
  const box = boxOf(mask);
  const area = areaOf(mask, box);
  if (area === 0) throw new AppError("mask_empty", "the mask has no foreground pixel");
  return { counts: encodeRle(mask, box).counts, area, box };
}

/** Gathers runs: their text without runs of no pixel, but for the first; their box and area. */
class KeptRuns {
  readonly #height: number;
  readonly #width: number;
  readonly #writer = new CountsWriter();
  #run = 0;
  #colour = 0;
  #from = 0;
  #area = 0;
  #x0 = Infinity;
  #x1 = 0;
  #y0 = Infinity;
  #y1 = 0;

  constructor(height: number, width: number) {
    this.#height = height;
    this.#width = width;
  }

  /** The next run, of background where `index` is even. */
  add(run: number, index: number): void {
    if (run === 0) return;
    if (index % 2 === this.#colour) {
      // It has the colour of the last one that is kept, as what lay between had no pixel.
      this.#run += run;
      return;
    }
    this.#flush();
    this.#run = run;
    this.#colour = index % 2;
  }

  /** Throws AppError mask_empty. */
  end(): KeptMask {
    this.#flush();
    if (this.#area === 0) throw new AppError("mask_empty", "the mask has no foreground pixel");
    const box: Box = [this.#x0, this.#y0, Math.min(this.#width, this.#x1), this.#y1];
    return { counts: this.#writer.text(), area: this.#area, box };
  }

  #flush(): void {
    const from = this.#from;
    const to = from + this.#run;
    this.#writer.add(this.#run);
    this.#from = to;
    if (this.#colour === 0) return;
    const height = this.#height;
    this.#area += this.#run;
    const [left, right] = [Math.floor(from / height), Math.floor((to - 1) / height)];
    if (left < this.#x0) this.#x0 = left;
    if (right >= this.#x1) this.#x1 = right + 1;
    // What goes on in another column reaches the bottom of this one and the top of that one.
    const [top, bottom] = left === right ? [from - left * height, to - right * height] : [0, height];
    if (top < this.#y0) this.#y0 = top;
    if (bottom > this.#y1) this.#y1 = bottom;
  }
}
