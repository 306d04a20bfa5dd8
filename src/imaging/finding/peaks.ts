import type { Fit } from "../../domain/model-family.ts";
import { frameSide, inputSize } from "../coordinates.ts";
import { boxNms } from "../nms.ts";
import type { Box, Size } from "../types.ts";
import { gridOf, mostCentres, outputsOf, partsOfCell, sideUnit } from "../../domain/finder-layout.ts";

/** Where a finder believes that an object is. */
export interface Peak {
  /** Place among the finder's labels. */
  readonly label: number;
  /** The centre's, as the network gives it. */
  readonly logit: number;
  /** [x0, y0, x1, y1] in pixels of the image, not beyond it. */
  readonly box: Box;
  /** [x, y] in pixels of the image. */
  readonly at: readonly [number, number];
}

/** A finder's answer to one image. */
export interface FinderMaps {
  /** [cells, 4 * outputs] float32, cells row by row; see finderShapes. */
  readonly values: Float32Array;
  readonly labels: number;
  readonly pool: number;
  /** [height, width] of the image, pixels. */
  readonly size: Size;
  /** Left out, `padded`. */
  readonly fit?: Fit;
}

/**
 * Centres whose logit is above `floor` and no lower than that of their eight neighbours of the same label, the highest first;
 * of those with boxes that overlap by more than `overlap` (IoU), the highest alone.
 */
export function peaksOf(maps: FinderMaps, { floor, overlap }: { floor: number; overlap: number }): Peak[] {
  const { labels, pool, size, fit } = maps;
  const grid = gridOf(pool);
  const at = valueAt(maps);
  const [height, width] = inputSize(size, fit);
  const unit = frameSide / grid;
  const [rows, columns] = [Math.ceil(height / unit), Math.ceil(width / unit)];
  const [scaleX, scaleY] = [size[1] / width, size[0] / height];
  const found: Peak[] = [];
  for (let label = 0; label < labels; label++) {
    const centre = labels + label;
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++) {
        const logit = at(y, x, centre);
        if (!(logit > floor) || !isHighest(logit, y, x, rows, columns, (r, c) => at(r, c, centre))) continue;
        const side = (i: number): number => sideUnit * Math.exp(Math.min(5, at(y, x, 2 * labels + i)));
        const box = within(
          [
            (x + 0.5 - side(0)) * unit * scaleX,
            (y + 0.5 - side(1)) * unit * scaleY,
            (x + 0.5 + side(2)) * unit * scaleX,
            (y + 0.5 + side(3)) * unit * scaleY,
          ],
          size,
        );
        const point = [
          Math.min(size[1] - 1, (x + 0.5) * unit * scaleX),
          Math.min(size[0] - 1, (y + 0.5) * unit * scaleY),
        ] as const;
        found.push({ label, logit, box, at: point });
      }
    }
  }
  const best =
    found.length > mostCentres ? found.sort((a, b) => b.logit - a.logit).slice(0, mostCentres) : found;
  return withoutTwins(best, overlap);
}

/** Value of an output at a part of a cell. */
function valueAt({ values, labels, pool }: FinderMaps): (y: number, x: number, output: number) => number {
  const outputs = outputsOf(labels);
  const cells = gridOf(pool) / 2;
  return (y, x, output) => {
    const cell = (y >> 1) * cells + (x >> 1);
    const part = (y & 1) * 2 + (x & 1);
    return values[(cell * partsOfCell + part) * outputs + output] as number;
  };
}

function isHighest(
  value: number,
  y: number,
  x: number,
  rows: number,
  columns: number,
  at: (y: number, x: number) => number,
): boolean {
  for (let r = Math.max(0, y - 1); r <= Math.min(rows - 1, y + 1); r++) {
    for (let c = Math.max(0, x - 1); c <= Math.min(columns - 1, x + 1); c++) {
      const other = at(r, c);
      // The first of two that are equal counts.
      if (other > value || (other === value && (r < y || (r === y && c < x)))) return false;
    }
  }
  return true;
}

/** The part of a box on the image, in whole pixels and one of them at least. */
function within([x0, y0, x1, y1]: Box, [height, width]: Size): Box {
  const left = Math.max(0, Math.min(width - 1, Math.floor(x0)));
  const top = Math.max(0, Math.min(height - 1, Math.floor(y0)));
  return [
    left,
    top,
    Math.max(left + 1, Math.min(width, Math.ceil(x1))),
    Math.max(top + 1, Math.min(height, Math.ceil(y1))),
  ];
}

function withoutTwins(peaks: readonly Peak[], overlap: number): Peak[] {
  const boxes = Float32Array.from(peaks.flatMap(({ box }) => box));
  const kept = boxNms(
    boxes,
    Float32Array.from(peaks, ({ logit }) => logit),
    overlap,
  );
  return kept.map((at) => peaks[at] as Peak);
}
