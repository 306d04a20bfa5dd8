import type { Fit } from "../../domain/model-family.ts";
import { frameSide, inputSize, lowResSide } from "../coordinates.ts";
import type { CellShares } from "../mask-share.ts";
import type { Box, Size } from "../types.ts";
import { gridOf, sides, sideUnit } from "../../domain/finder-layout.ts";

/** An object that a finder shall find. */
export interface Taught {
  /** Place among the finder's labels. */
  readonly label: number;
  /** Pixels of the image. */
  readonly box: Box;
  /** Its share of foreground by low-res cell, 0 in all that are left out; see touchedShare. */
  readonly share: CellShares;
}

/** What a finder's outputs shall be, on a grid of parts of cells, all [grid, grid, ...] row by row. */
export interface FinderTargets {
  readonly grid: number;
  readonly labels: number;
  /** [grid, grid, labels]: share of foreground. */
  readonly foreground: Float32Array;
  /** [grid, grid, labels]: 1 at centres, falling off as a Gaussian by the object's size. */
  readonly centres: Float32Array;
  /** [grid, grid, 4]: log sides, where `weight` [grid, grid] is above 0. */
  readonly sides: Float32Array;
  readonly weight: Float32Array;
  /** [grid, grid]: 1 where it is known what is there, 0 on the padding. */
  readonly valid: Float32Array;
  /** Rows and columns that touch the image. */
  readonly extent: readonly [number, number];
  /** Parts [y, x] that hold a centre. */
  readonly peaks: readonly (readonly [number, number])[];
}

/** Standard deviation of a centre's Gaussian, in sides of the box, and the least, in parts of cells. */
const [spread, leastSpread] = [1 / 6, 0.7];
/** Parts of cells farther from a centre do not tell of its box. */
const faintest = 0.1;

/**
 * Targets of one image; of many objects each may be made as its turn comes. Source: Zhou, Wang and Krähenbühl 2019, "Objects
 * as Points", section 3.
 * @param whole whether there is nothing else; otherwise only the objects' own boxes, and a part round each, are known
 */
export function finderTargets(
  objects: Iterable<Taught>,
  {
    size,
    fit,
    labels,
    pool,
    whole,
  }: { size: Size; fit?: Fit | undefined; labels: number; pool: number; whole: boolean },
): FinderTargets {
  const grid = gridOf(pool);
  const unit = frameSide / grid;
  const [height, width] = inputSize(size, fit);
  const plane = grid * grid;
  const targets = {
    grid,
    labels,
    foreground: new Float32Array(plane * labels),
    centres: new Float32Array(plane * labels),
    sides: new Float32Array(plane * sides),
    weight: new Float32Array(plane),
    valid: new Float32Array(plane),
  };
  const extent = [Math.ceil(height / unit), Math.ceil(width / unit)] as const;
  if (whole) know(targets, extent, [0, 0, grid, grid]);
  const peaks: [number, number][] = [];
  for (const object of objects) {
    const { label, box } = object;
    const [x0, y0, x1, y1] = [
      (box[0] * width) / size[1] / unit,
      (box[1] * height) / size[0] / unit,
      (box[2] * width) / size[1] / unit,
      (box[3] * height) / size[0] / unit,
    ] as const;
    const peak = [
      Math.min(grid - 1, Math.floor((y0 + y1) / 2)),
      Math.min(grid - 1, Math.floor((x0 + x1) / 2)),
    ] as const;
    peaks.push([...peak]);
    know(targets, extent, [x0 - 1, y0 - 1, x1 + 1, y1 + 1]);
    addShare(targets, object);
    addCentre(targets, { label, box: [x0, y0, x1, y1], peak });
  }
  return { ...targets, extent, peaks };
}

type Planes = Omit<FinderTargets, "peaks" | "extent">;

/** @param box in parts of cells */
function know(
  { grid, valid }: Planes,
  [rows, columns]: FinderTargets["extent"],
  [x0, y0, x1, y1]: Box,
): void {
  const [left, right] = [Math.max(0, Math.floor(x0)), Math.min(columns, Math.ceil(x1))];
  for (let y = Math.max(0, Math.floor(y0)); y < Math.min(rows, Math.ceil(y1)); y++)
    valid.fill(1, y * grid + left, y * grid + right);
}

function addShare({ grid, labels, foreground }: Planes, { label, share }: Taught): void {
  const cells = lowResSide / grid;
  const each = 1 / (cells * cells);
  const [left, top, right, bottom] = share.cells;
  const wide = right - left;
  for (let y = Math.floor(top / cells); y * cells < bottom; y++) {
    const [from, to] = [Math.max(top, y * cells), Math.min(bottom, (y + 1) * cells)];
    for (let x = Math.floor(left / cells); x * cells < right; x++) {
      const [first, last] = [Math.max(left, x * cells), Math.min(right, (x + 1) * cells)];
      let sum = 0;
      for (let r = from; r < to; r++)
        for (let c = first; c < last; c++) sum += share.values[(r - top) * wide + c - left] as number;
      const at = (y * grid + x) * labels + label;
      foreground[at] = Math.max(foreground[at] as number, sum * each);
    }
  }
}

/** @param box and peak in parts of cells */
function addCentre(
  { grid, labels, centres, sides: log, weight }: Planes,
  { label, box: [x0, y0, x1, y1], peak }: { label: number; box: Box; peak: readonly [number, number] },
): void {
  const [cx, cy] = [(x0 + x1) / 2, (y0 + y1) / 2];
  const [sx, sy] = [Math.max(leastSpread, (x1 - x0) * spread), Math.max(leastSpread, (y1 - y0) * spread)];
  // Beyond three deviations nothing is left that counts.
  const [left, right] = [
    Math.max(0, Math.floor(cx - 3 * sx - 1)),
    Math.min(grid - 1, Math.ceil(cx + 3 * sx)),
  ];
  const [top, bottom] = [
    Math.max(0, Math.floor(cy - 3 * sy - 1)),
    Math.min(grid - 1, Math.ceil(cy + 3 * sy)),
  ];
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const [px, py] = [x + 0.5, y + 0.5];
      const isPeak = y === peak[0] && x === peak[1];
      const value = isPeak ? 1 : Math.exp(-((px - cx) ** 2 / (2 * sx * sx) + (py - cy) ** 2 / (2 * sy * sy)));
      const at = (y * grid + x) * labels + label;
      centres[at] = Math.max(centres[at] as number, value);
      const cell = y * grid + x;
      if (value <= faintest || value <= (weight[cell] as number)) continue;
      weight[cell] = value;
      for (const [i, side] of [px - x0, py - y0, x1 - px, y1 - py].entries())
        log[cell * sides + i] = Math.log(Math.max(0.5, side) / sideUnit);
    }
  }
}
