import { eachRun, unpackCounts } from "./rle.ts";
import type { Box, RleMask } from "./types.ts";

/** What the run lengths of a mask tell without its pixels being unpacked. */
export interface MaskFacts {
  /** Foreground pixels. */
  readonly area: number;
  /** Tight, x1 and y1 exclusive; [0, 0, 0, 0] for an empty mask. */
  readonly box: Box;
  /** Foreground pixels on the image's outermost rows and columns. */
  readonly borderPixels: number;
  /** Pixels of each connected part (8 neighbours), largest first. */
  readonly parts: readonly number[];
}

/** Foreground pixels (x, y0) to (x, y1 - 1). */
export type OnColumn = (x: number, y0: number, y1: number) => void;

/** Calls back for each vertical run of foreground, left to right and down. Throws AppError mask_rle_invalid. */
export function eachColumnRun({ size: [height, width], counts }: RleMask, on: OnColumn): void {
  let position = 0;
  eachRun(counts, height * width, (run, i) => {
    const end = position + run;
    if (i % 2 === 1) {
      for (let from = position; from < end;) {
        const x = Math.floor(from / height);
        const to = Math.min(end, (x + 1) * height);
        on(x, from - x * height, to - x * height);
        from = to;
      }
    }
    position = end;
  });
}

/** Throws AppError mask_rle_invalid. */
export function maskFacts(rle: RleMask): MaskFacts {
  const [height, width] = rle.size;
  const parts = new Parts();
  let [area, borderPixels] = [0, 0];
  let [x0, y0, x1, y1] = [width, height, 0, 0];
  eachColumnRun(rle, (x, from, to) => {
    area += to - from;
    if (x === 0 || x === width - 1) borderPixels += to - from;
    else borderPixels += (from === 0 ? 1 : 0) + (to === height && height > 1 ? 1 : 0);
    x0 = Math.min(x0, x);
    x1 = x + 1;
    y0 = Math.min(y0, from);
    y1 = Math.max(y1, to);
    parts.add(x, from, to);
  });
  return { area, box: area === 0 ? [0, 0, 0, 0] : [x0, y0, x1, y1], borderPixels, parts: parts.sizes() };
}

/** Intersection over union of two masks of one size; two empty ones agree: 1. Throws AppError mask_rle_invalid. */
export function rleIou(a: RleMask, b: RleMask): number {
  const pixels = a.size[0] * a.size[1];
  const ends = [a, b].map(({ counts }) => {
    let sum = 0;
    return unpackCounts(counts, pixels).map((run) => (sum += run));
  }) as [number[], number[]];
  let [both, either, position, i, j] = [0, 0, 0, 0, 0];
  while (position < pixels) {
    while ((ends[0][i] as number) <= position) i++;
    while ((ends[1][j] as number) <= position) j++;
    const end = Math.min(ends[0][i] as number, ends[1][j] as number);
    if (i % 2 === 1 && j % 2 === 1) both += end - position;
    if (i % 2 === 1 || j % 2 === 1) either += end - position;
    position = end;
  }
  return either === 0 ? 1 : both / either;
}

interface Run {
  readonly from: number;
  readonly to: number;
  readonly label: number;
}

/** Joins vertical runs to parts: a run meets those of the column before that it touches, corners included. */
class Parts {
  readonly #parent: number[] = [];
  readonly #area: number[] = [];
  #x = -2;
  #before: Run[] = [];
  #now: Run[] = [];
  #next = 0;

  add(x: number, from: number, to: number): void {
    if (x !== this.#x) {
      this.#before = x === this.#x + 1 ? this.#now : [];
      this.#now = [];
      this.#next = 0;
      this.#x = x;
    }
    const label = this.#parent.length;
    this.#parent.push(label);
    this.#area.push(to - from);
    // Runs come downwards, so those that end above this one are done with.
    while ((this.#before[this.#next]?.to ?? Infinity) < from) this.#next++;
    for (let k = this.#next; (this.#before[k]?.from ?? Infinity) <= to; k++)
      this.#join(label, (this.#before[k] as Run).label);
    this.#now.push({ from, to, label });
  }

  sizes(): number[] {
    return this.#area.filter((_, label) => this.#parent[label] === label).sort((a, b) => b - a);
  }

  #root(label: number): number {
    let at = label;
    while (this.#parent[at] !== at) {
      this.#parent[at] = this.#parent[this.#parent[at] as number] as number;
      at = this.#parent[at] as number;
    }
    return at;
  }

  #join(a: number, b: number): void {
    const [to, from] = [this.#root(a), this.#root(b)];
    if (to === from) return;
    this.#parent[from] = to;
    this.#area[to] = (this.#area[to] as number) + (this.#area[from] as number);
  }
}
