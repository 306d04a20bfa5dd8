import type { Fit } from "../domain/model-family.ts";
import { lowResEdges, lowResSide } from "./coordinates.ts";
import { boxOfRle } from "./cut-mask.ts";
import { eachColumnRun } from "./mask-facts.ts";
import type { Box, RleMask, Size } from "./types.ts";

/**
 * What lowResMean makes of a mask's pixels, from its run lengths: the share of foreground in each low-res cell of the
 * frame, [256, 256], and which cells lie on the image. With a `region` (whole pixels), of that part of the image
 * alone, as if it were the image. Exact but for the order of its sums, and no pixel is drawn.
 * Throws AppError mask_rle_invalid.
 */
export function maskShare(
  rle: RleMask,
  region: Box = [0, 0, rle.size[1], rle.size[0]],
  fit: Fit = "padded",
): { mean: Float32Array; valid: Float32Array } {
  const [x0, y0, x1, y1] = region;
  const size: Size = [y1 - y0, x1 - x0];
  const edges = lowResEdges(size, fit);
  const sums = new Float64Array(lowResSide * lowResSide);
  addMask(sums, rle, region, edges);
  return meanOf(sums, edges.rows, edges.columns);
}

/** Shares of foreground of some low-res cells, row by row. */
export interface CellShares {
  /** [x0, y0, x1, y1] in whole cells, x1 and y1 exclusive. */
  readonly cells: Box;
  readonly values: Float32Array;
}

/** All zero between two calls. */
const sumsOfOne = new Float64Array(lowResSide * lowResSide);

/** What maskShare says of the cells that a mask touches, in the time that these take. Throws AppError mask_rle_invalid. */
export function touchedShare(rle: RleMask, fit: Fit = "padded"): CellShares {
  const [height, width] = rle.size;
  const [x0, y0, x1, y1] = boxOfRle(rle);
  const { rows, columns } = lowResEdges([height, width], fit);
  const cells: Box = [...across(columns, x0, x1), ...across(rows, y0, y1)];
  const [left, right, top, bottom] = cells;
  addMask(sumsOfOne, rle, [0, 0, width, height], { rows, columns });
  const values = new Float32Array((right - left) * (bottom - top));
  for (let r = top, i = 0; r < bottom; r++) {
    const high = (rows[r + 1] as number) - (rows[r] as number);
    for (let c = left, at = r * lowResSide + left; c < right; c++, at++, i++) {
      values[i] = (sumsOfOne[at] as number) / (high * ((columns[c + 1] as number) - (columns[c] as number)));
      sumsOfOne[at] = 0;
    }
  }
  return { cells: [left, top, right, bottom], values };
}

/** First and, exclusive, last of the cells between these edges that hold some of [from, to). */
function across(edges: readonly number[], from: number, to: number): [number, number] {
  let [first, last] = [0, 0];
  for (let c = 0; c < edges.length - 1; c++) {
    if ((edges[c + 1] as number) <= from) first = c + 1;
    if ((edges[c] as number) < to) last = c + 1;
  }
  return [first, Math.max(first, last)];
}

/** Adds a mask's foreground to the sums [256, 256] of the cells that it lies in. */
function addMask(
  sums: Float64Array,
  rle: RleMask,
  [x0, y0, x1, y1]: Box,
  { rows, columns }: { rows: readonly number[]; columns: readonly number[] },
): void {
  const onRows = new RowShares(rows);
  let now = -1;
  const flush = (): void => {
    if (now === -1) return;
    const { top } = onRows;
    addColumn(sums, { shares: onRows.take(), top }, columns, now);
  };
  eachColumnRun(rle, (x, from, to) => {
    if (x < x0 || x >= x1 || to <= y0 || from >= y1) return;
    if (x - x0 !== now) {
      flush();
      now = x - x0;
    }
    onRows.add(Math.max(from, y0) - y0, Math.min(to, y1) - y0);
  });
  flush();
}

/** How much of each row of cells one column of pixels covers. */
class RowShares {
  readonly #rows: readonly number[];
  readonly #shares: Float64Array;
  /** Sums over whole rows: where they begin, and, one lower, where they end. */
  readonly #whole: Float64Array;
  readonly #side: number;
  /** Rows that hold anything, the last one exclusive: a small object touches few of them. */
  #top = Infinity;
  #bottom = 0;

  constructor(rows: readonly number[]) {
    this.#rows = rows;
    this.#shares = new Float64Array(rows.length - 1);
    this.#whole = new Float64Array(rows.length);
    this.#side = (rows[1] as number) - (rows[0] as number);
  }

  /** The first row that holds anything. */
  get top(): number {
    return this.#top;
  }

  /** Pixels [from, to) of it are foreground. */
  add(from: number, to: number): void {
    const [first, last] = [this.#cellOf(from), this.#cellOf(to - Number.EPSILON * to)];
    this.#top = Math.min(this.#top, first);
    this.#bottom = Math.max(this.#bottom, last + 1);
    const rows = this.#rows;
    const shares = this.#shares;
    if (first === last) {
      shares[first] = (shares[first] as number) + (to - from);
      return;
    }
    shares[first] = (shares[first] as number) + ((rows[first + 1] as number) - from);
    shares[last] = (shares[last] as number) + (to - (rows[last] as number));
    this.#whole[first + 1] = (this.#whole[first + 1] as number) + 1;
    this.#whole[last] = (this.#whole[last] as number) - 1;
  }

  /** The shares of the rows from `top` that hold anything; they begin anew with the next `add`. */
  take(): Float64Array {
    const [top, bottom] = [this.#top, this.#bottom];
    const out = this.#shares.slice(top, bottom);
    let whole = 0;
    for (let r = top; r < bottom; r++) {
      whole += this.#whole[r] as number;
      out[r - top] =
        (out[r - top] as number) + whole * ((this.#rows[r + 1] as number) - (this.#rows[r] as number));
    }
    this.#shares.fill(0, top, bottom);
    this.#whole.fill(0, top, bottom);
    [this.#top, this.#bottom] = [Infinity, 0];
    return out;
  }

  /** The cell that holds a place; all but the last are of one height, up to rounding. */
  #cellOf(place: number): number {
    const most = this.#rows.length - 2;
    let cell = Math.min(most, Math.max(0, Math.floor(place / this.#side)));
    while (cell > 0 && (this.#rows[cell] as number) > place) cell--;
    while (cell < most && (this.#rows[cell + 1] as number) <= place) cell++;
    return cell;
  }
}

/** Adds a column of pixels, at [x, x + 1), to the cells that it lies in; `shares` are of the rows from `top`. */
function addColumn(
  sums: Float64Array,
  { shares, top }: { shares: Float64Array; top: number },
  columns: readonly number[],
  x: number,
): void {
  const cells = columns.length - 1;
  const wide = (columns[1] as number) - (columns[0] as number);
  let c = Math.min(cells - 1, Math.max(0, Math.floor(x / wide) - 1));
  for (; c < cells && (columns[c] as number) < x + 1; c++) {
    const overlap = Math.min(x + 1, columns[c + 1] as number) - Math.max(x, columns[c] as number);
    if (overlap <= 0) continue;
    for (let r = 0, at = top * lowResSide + c; r < shares.length; r++, at += lowResSide)
      sums[at] = (sums[at] as number) + overlap * (shares[r] as number);
  }
}

function meanOf(
  sums: Float64Array,
  rows: readonly number[],
  columns: readonly number[],
): { mean: Float32Array; valid: Float32Array } {
  const mean = new Float32Array(sums.length);
  const valid = new Float32Array(sums.length);
  for (let r = 0; r < rows.length - 1; r++) {
    const high = (rows[r + 1] as number) - (rows[r] as number);
    for (let c = 0, at = r * lowResSide; c < columns.length - 1; c++, at++) {
      mean[at] = (sums[at] as number) / (high * ((columns[c + 1] as number) - (columns[c] as number)));
      valid[at] = 1;
    }
  }
  return { mean, valid };
}
