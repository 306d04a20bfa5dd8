import { AppError } from "../lib/errors.ts";
import { boxOf } from "./geometry.ts";
import type { BinaryMask, Box, RleMask, Size } from "./types.ts";

/** More pixels than any image may have (config.ts, MAX_IMAGE_PIXELS): a mask is never allocated beyond it. */
export const maxMaskPixels = 1_000_000_000;

/**
 * COCO's compressed run-length string of a mask, bit for bit as pycocotools' `mask.encode`.
 * `box` is the mask's own (boxOf) where the caller knows it.
 * Source: cocoapi common/maskApi.c, rleEncode and rleToString.
 */
export function encodeRle(mask: BinaryMask, box: Box = boxOf(mask)): RleMask {
  return packRuns(runsOf(mask, box), [mask.height, mask.width]);
}

/** Column-major run lengths, background first, as COCO's compressed string. */
export const packRuns = (runs: readonly number[], size: Size): RleMask => ({
  format: "rle",
  size: [size[0], size[1]],
  counts: packCounts(runs),
});

/**
 * The mask of a COCO run-length string; the inverse of `encodeRle`.
 * Source: cocoapi common/maskApi.c, rleFrString and rleDecode, which check nothing; this checks everything,
 * and the size before any memory is asked for.
 * Throws AppError mask_rle_invalid (param `counts` or `size`).
 */
export function decodeRle(rle: RleMask): BinaryMask {
  const [height, width] = checkSize(rle.size);
  const runs = unpackCounts(rle.counts, height * width);
  const data = new Uint8Array(width * height);
  let position = 0;
  for (let i = 0; i < runs.length; i++) {
    const end = position + (runs[i] as number);
    if (i % 2 === 1) fillColumnMajor(data, width, height, position, end);
    position = end;
  }
  return { width, height, data };
}

/** Sets pixels `from` to `to` (exclusive) of the column-major order in row-major `data`. */
export function fillColumnMajor(
  data: Uint8Array,
  width: number,
  height: number,
  from: number,
  to: number,
): void {
  let x = Math.floor(from / height);
  let y = from - x * height;
  for (let left = to - from; left > 0; left--) {
    data[y * width + x] = 1;
    if (++y === height) {
      y = 0;
      x++;
    }
  }
}

function checkSize(size: readonly number[]): [number, number] {
  const [height, width] = size;
  const whole = (side: number | undefined): side is number =>
    Number.isSafeInteger(side) && (side as number) > 0;
  if (size.length !== 2 || !whole(height) || !whole(width)) {
    throw new AppError(
      "mask_rle_invalid",
      `size must be [height, width] in whole pixels, found ${JSON.stringify(size)}`,
      { param: "size" },
    );
  }
  if (height * width > maxMaskPixels) {
    throw new AppError(
      "mask_rle_invalid",
      `size ${height} x ${width} has more than ${maxMaskPixels} pixels`,
      { param: "size" },
    );
  }
  return [height, width];
}

/** Column-major run lengths; the first is background and may be 0. Outside of the mask's box lies background. */
function runsOf({ width, height, data }: BinaryMask, [left, top, right, bottom]: Box): number[] {
  const runs: number[] = [];
  let value = 0;
  let run = left * height;
  const high = bottom - top;
  // Columns are gathered 64 at a time: one at a time would touch a cache line for every pixel.
  const block = new Uint8Array(64 * high);
  for (let x0 = left; x0 < right; x0 += 64) {
    const columns = Math.min(64, right - x0);
    for (let y = 0; y < high; y++) {
      const row = (y + top) * width + x0;
      for (let x = 0; x < columns; x++) block[x * high + y] = data[row + x] as number;
    }
    for (let x = 0; x < columns; x++) {
      // What lies above the box is background, and so is what lay below it in the column before.
      if (top > 0 && value === 1) {
        runs.push(run);
        run = 0;
        value = 0;
      }
      run += top;
      const end = (x + 1) * high;
      for (let i = x * high; i < end; i++) {
        if (block[i] !== value) {
          runs.push(run);
          run = 0;
          value = block[i] as number;
        }
        run++;
      }
      if (bottom < height) {
        if (value === 1) {
          runs.push(run);
          run = 0;
          value = 0;
        }
        run += height - bottom;
      }
    }
  }
  if (right < width) {
    if (value === 1) {
      runs.push(run);
      run = 0;
    }
    run += (width - right) * height;
  }
  runs.push(run);
  return runs;
}

/** Runs to text: from the fourth on, each as its difference to the run two before; 5 bits a character, sign-extended, base 48. */
export function packCounts(runs: Iterable<number>): string {
  const writer = new CountsWriter();
  for (const run of runs) writer.add(run);
  return writer.text();
}

/** Writes COCO's run-length text as the runs come: however many there are, they take no more than their text. */
export class CountsWriter {
  #bytes = new Uint8Array(256);
  #length = 0;
  #count = 0;
  #last = 0;
  #before = 0;

  add(run: number): void {
    let x = this.#count++ > 2 ? run - this.#before : run;
    this.#before = this.#last;
    this.#last = run;
    if (this.#length + 7 > this.#bytes.length) this.#grow();
    for (let more = true; more;) {
      let c = x & 0x1f;
      x >>= 5;
      more = (c & 0x10) !== 0 ? x !== -1 : x !== 0;
      if (more) c |= 0x20;
      this.#bytes[this.#length++] = c + 48;
    }
  }

  text(): string {
    // All of them lie in ASCII. No Buffer: the console runs this in browsers.
    return new TextDecoder().decode(this.#bytes.subarray(0, this.#length));
  }

  #grow(): void {
    const larger = new Uint8Array(2 * this.#bytes.length);
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

/**
 * The column-major run lengths of a COCO string, background first; they add up to `pixels`.
 * Throws AppError mask_rle_invalid (param `counts`).
 */
export function unpackCounts(counts: string, pixels: number): number[] {
  const runs: number[] = [];
  eachRun(counts, pixels, (run) => runs.push(run));
  return runs;
}

/**
 * Calls back for each of these runs, which are nowhere kept; `index` is even for background. What is wrong with a text is
 * found where it stands: runs before it have been told by then. Throws as unpackCounts does.
 */
export function eachRun(counts: string, pixels: number, on: (run: number, index: number) => void): void {
  const invalid = (why: string) => new AppError("mask_rle_invalid", `counts ${why}`, { param: "counts" });
  let [index, last, before] = [0, 0, 0];
  let total = 0;
  let p = 0;
  while (p < counts.length) {
    let x = 0;
    let scale = 1; // 2 ** (5 * k)
    for (let k = 0, more = true; more; k++) {
      if (p === counts.length) throw invalid("ends inside a run");
      const c = counts.charCodeAt(p) - 48;
      if (c < 0 || c > 63) throw invalid(`has a character at ${p} that COCO's compressed form does not use`);
      // Seven characters hold 35 bits, more than any run needs: x stays exact in a double.
      if (k === 7) throw invalid(`has a run at ${p} longer than any image`);
      x += (c & 0x1f) * scale;
      scale *= 32;
      more = (c & 0x20) !== 0;
      if (!more && (c & 0x10) !== 0) x -= scale;
      p++;
    }
    if (index > 2) x += before;
    if (x < 0) throw invalid(`has a negative run (number ${index})`);
    total += x;
    if (total > pixels) throw invalid(`add up to more than the ${pixels} pixels of its size`);
    before = last;
    last = x;
    on(x, index++);
  }
  if (total !== pixels) throw invalid(`add up to ${total} pixels, its size has ${pixels}`);
}
