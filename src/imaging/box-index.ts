import type { Box } from "./types.ts";

/** Squares a side that boxes are sorted into. */
const squares = 32;

/** Boxes of one image by the squares of a coarse grid that they touch: thousands are not each held against every other. */
export class BoxIndex {
  readonly #cells: number[][] = Array.from({ length: squares * squares }, () => []);
  readonly #from: readonly [number, number];
  readonly #unit: readonly [number, number];
  /** The query that has met a box last, by box. */
  readonly #met: Uint32Array;
  #queries = 0;

  constructor(boxes: readonly Box[]) {
    let [x0, y0, x1, y1] = [Infinity, Infinity, -Infinity, -Infinity];
    for (const box of boxes) {
      x0 = Math.min(x0, box[0]);
      y0 = Math.min(y0, box[1]);
      x1 = Math.max(x1, box[2]);
      y1 = Math.max(y1, box[3]);
    }
    this.#from = boxes.length > 0 ? [x0, y0] : [0, 0];
    this.#unit = boxes.length > 0 ? [(x1 - x0) / squares || 1, (y1 - y0) / squares || 1] : [1, 1];
    this.#met = new Uint32Array(boxes.length);
    for (const [i, box] of boxes.entries()) for (const cell of this.#touched(box)) this.#cells[cell]?.push(i);
  }

  /** Places of the boxes, ascending, that share a square with this one: all that meet it, and some that do not. */
  near(box: Box): number[] {
    const query = ++this.#queries;
    const found: number[] = [];
    for (const cell of this.#touched(box))
      for (const i of this.#cells[cell] as number[]) {
        if (this.#met[i] === query) continue;
        this.#met[i] = query;
        found.push(i);
      }
    return found.sort((a, b) => a - b);
  }

  *#touched([x0, y0, x1, y1]: Box): Generator<number> {
    const [left, right] = [this.#place(x0, 0), this.#place(x1, 0)];
    const [top, bottom] = [this.#place(y0, 1), this.#place(y1, 1)];
    for (let y = top; y <= bottom; y++) for (let x = left; x <= right; x++) yield y * squares + x;
  }

  #place(value: number, axis: 0 | 1): number {
    const at = Math.floor((value - this.#from[axis]) / this.#unit[axis]);
    return Math.max(0, Math.min(squares - 1, at));
  }
}
