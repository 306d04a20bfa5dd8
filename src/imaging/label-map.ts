import type { KeptMask } from "./kept-mask.ts";
import { CountsWriter } from "./rle.ts";

/** One number a pixel, row-major; 0 is background. */
export interface LabelMap {
  readonly width: number;
  readonly height: number;
  readonly values: Uint8Array | Uint16Array | Uint32Array;
}

/** The objects of a map that has more of them than this are not told apart: it is a photograph. */
export const mostLabels = 65_536;

/**
 * The mask of every value but 0 and `without`, in ascending order, found in one walk down the columns.
 * `null` where there are more than `mostLabels`.
 */
export function masksOfLabels(
  { width, height, values }: LabelMap,
  without: ReadonlySet<number> = new Set(),
): Map<number, KeptMask> | null {
  const found = new Map<number, Gathered>();
  for (let x = 0; x < width; x++) {
    for (let y = 0, at = x; y < height;) {
      const value = values[at] as number;
      const from = y;
      do {
        y++;
        at += width;
      } while (y < height && values[at] === value);
      if (value === 0 || without.has(value)) continue;
      let gathered = found.get(value);
      if (!gathered) {
        if (found.size === mostLabels) return null;
        found.set(value, (gathered = new Gathered()));
      }
      gathered.add(x, from, y, height);
    }
  }
  const sorted = [...found].sort(([a], [b]) => a - b);
  return new Map(sorted.map(([value, gathered]) => [value, gathered.end(width * height)]));
}

class Gathered {
  readonly #writer = new CountsWriter();
  #from = 0;
  #to = 0;
  #area = 0;
  #x0 = Infinity;
  #x1 = 0;
  #y0 = Infinity;
  #y1 = 0;

  add(x: number, y0: number, y1: number, height: number): void {
    const from = x * height + y0;
    if (this.#area === 0) this.#writer.add(from);
    else if (from > this.#to) {
      this.#writer.add(this.#to - this.#from);
      this.#writer.add(from - this.#to);
    }
    if (this.#area === 0 || from > this.#to) this.#from = from;
    this.#to = x * height + y1;
    this.#area += y1 - y0;
    this.#x0 = Math.min(this.#x0, x);
    this.#x1 = x + 1;
    this.#y0 = Math.min(this.#y0, y0);
    this.#y1 = Math.max(this.#y1, y1);
  }

  end(pixels: number): KeptMask {
    this.#writer.add(this.#to - this.#from);
    if (this.#to < pixels) this.#writer.add(pixels - this.#to);
    return {
      counts: this.#writer.text(),
      area: this.#area,
      box: [this.#x0, this.#y0, this.#x1, this.#y1],
    };
  }
}

/**
 * Numbers the connected parts (8 neighbours) of each value of a map: every part gets a number of its own, from 1 up, in
 * the order in which a walk along the rows meets them. `valueOf[n]` is the value of part n.
 */
export function partsOf({ width, height, values }: LabelMap): { map: LabelMap; valueOf: number[] } {
  const parent: number[] = [0];
  const root = (label: number): number => {
    let at = label;
    while (parent[at] !== at) {
      parent[at] = parent[parent[at] as number] as number;
      at = parent[at] as number;
    }
    return at;
  };
  const labels = new Uint32Array(width * height);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      const value = values[at];
      if (value === 0) continue;
      let label = 0;
      const near = [
        x > 0 ? at - 1 : -1,
        x > 0 && y > 0 ? at - width - 1 : -1,
        y > 0 ? at - width : -1,
        x + 1 < width && y > 0 ? at - width + 1 : -1,
      ];
      for (const other of near) {
        if (other < 0 || values[other] !== value) continue;
        const found = root(labels[other] as number);
        if (label === 0) label = found;
        else if (label !== found) {
          const low = Math.min(label, found);
          parent[Math.max(label, found)] = low;
          label = low;
        }
      }
      if (label === 0) {
        label = parent.length;
        parent.push(label);
      }
      labels[at] = label;
    }
  }
  const numbers = new Map<number, number>();
  const valueOf = [0];
  for (let at = 0; at < labels.length; at++) {
    if (labels[at] === 0) continue;
    const own = root(labels[at] as number);
    let number = numbers.get(own);
    if (number === undefined) {
      number = numbers.size + 1;
      numbers.set(own, number);
      valueOf.push(values[at] as number);
    }
    labels[at] = number;
  }
  return { map: { width, height, values: labels }, valueOf };
}
