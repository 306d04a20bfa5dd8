import type { Box, Size } from "./types.ts";

/**
 * Gathers a mask column by column, top down: its run lengths, box and area. The columns are those of a part of an image
 * of `size` [height, width] whose top left is `at` and which is `height` pixels high; all round it is background.
 */
export class Columns {
  readonly #left: number;
  readonly #top: number;
  readonly #size: Size;
  readonly #height: number;
  readonly #runs: number[] = [];
  #run: number;
  #value = false;
  #area = 0;
  #x0 = Infinity;
  #x1 = 0;
  #y0 = Infinity;
  #y1 = 0;

  constructor([left, top]: readonly [number, number], size: Size, height: number) {
    [this.#left, this.#top, this.#size, this.#height] = [left, top, size, height];
    this.#run = left * size[0] + top;
  }

  /** The next pixels, [y0, y1) of column x, both counted from the part's top left. */
  add(x: number, y0: number, y1: number, value: boolean): void {
    if (y0 === y1) return;
    if (value !== this.#value) this.#turn(value);
    this.#run += y1 - y0;
    if (value) {
      this.#area += y1 - y0;
      if (x < this.#x0) this.#x0 = x;
      this.#x1 = x + 1;
      if (y0 < this.#y0) this.#y0 = y0;
      if (y1 > this.#y1) this.#y1 = y1;
    }
    if (y1 === this.#height) this.#background(this.#size[0] - this.#height);
  }

  #turn(value: boolean): void {
    this.#runs.push(this.#run);
    this.#run = 0;
    this.#value = value;
  }

  #background(pixels: number): void {
    if (pixels === 0) return;
    if (this.#value) this.#turn(false);
    this.#run += pixels;
  }

  /** After the last of the part's `width` columns: the whole image's. */
  end(width: number): { runs: number[]; bbox: Box; area: number } {
    const [height, all] = this.#size;
    // Each column's rest reaches down to the next one's first row, so the last is too long by what stands above.
    const after = (all - this.#left - width) * height - this.#top;
    if (after > 0) this.#background(after);
    else if (after < 0) this.#shorten(-after);
    const [dx, dy] = [this.#left, this.#top];
    const bbox: Box =
      this.#area === 0 ? [0, 0, 0, 0] : [this.#x0 + dx, this.#y0 + dy, this.#x1 + dx, this.#y1 + dy];
    return { runs: [...this.#runs, this.#run], bbox, area: this.#area };
  }

  /** The last run is background then, as at least so many of its pixels are. */
  #shorten(pixels: number): void {
    this.#run -= pixels;
  }
}
