import { gridCells } from "../../domain/finder-layout.ts";
import { frameSide, inputSize } from "../coordinates.ts";
import { boxNms } from "../nms.ts";
import type { Box } from "../types.ts";
import { type Compared, type Exemplar, similarity } from "./likeness.ts";

/** The map of similarity is looked at in quarters of cells. */
const [parts, side] = [4, 4 * gridCells];
/** An object's middle, by which it is told from its neighbours, and how near the next may lie: shares of its sides. */
const [middle, apart] = [0.7, 0.6];
/** What lies round an object, twice as wide and tall, and how much of it is taken off: a place stands out from its surroundings. */
const [surroundings, surroundingsWeight] = [2, 0.5];
/** Objects that are like another need not be of its size. */
const scales = [0.7, 1, 1.4] as const;
/** What stands out by less, of what does most, is not looked at. */
const leastContrast = 0.25;
/** Boxes that overlap by more (IoU) show the same. */
const twins = 0.6;

/** Where an object may lie that is like another. */
export interface LikeBox {
  /** [x0, y0, x1, y1] in pixels of the image, about of the exemplar's size, not beyond the image. */
  readonly box: Box;
  /** Its centre, [x, y] in pixels. */
  readonly at: readonly [number, number];
  /** How similar its middle is, less what its surroundings are by half. */
  readonly contrast: number;
}

/**
 * Places of an image that are more like the exemplar than those next to them, in boxes of its size and a little smaller and
 * larger: those that stand out most first, `most` at most.
 */
export function likeBoxes(exemplar: Exemplar, image: Compared, most: number): LikeBox[] {
  const map = finer(similarity(exemplar.vector, image), image);
  const found = scales.flatMap((scale) => {
    const [width, height] = exemplar.sides;
    return boxesOfSize(map, image, [width * scale, height * scale]);
  });
  const boxes = Float32Array.from(found.flatMap(({ box }) => box));
  const kept = boxNms(
    boxes,
    Float32Array.from(found, ({ contrast }) => contrast),
    twins,
  );
  const best = found[kept[0] ?? 0]?.contrast ?? 0;
  return kept
    .slice(0, most)
    .map((at) => found[at] as LikeBox)
    .filter(({ contrast }) => contrast >= leastContrast * best);
}

/** `map` [256, 256] of similarity; `sides` [width, height] in pixels of the image. */
function boxesOfSize(
  map: Float32Array,
  { size, fit }: Compared,
  sides: readonly [number, number],
): LikeBox[] {
  const [height, width] = size;
  const [inputHeight, inputWidth] = inputSize(size, fit);
  const unit = frameSide / side;
  const scale = [inputWidth / width / unit, inputHeight / height / unit] as const;
  const own = [sides[0] * scale[0], sides[1] * scale[1]] as const;
  const [rows, columns] = [Math.ceil(inputHeight / unit), Math.ceil(inputWidth / unit)];
  const sums = summed(map, rows, columns);
  const window = (share: number): [number, number] => [
    Math.max(1, Math.round(own[0] * share)),
    Math.max(1, Math.round(own[1] * share)),
  ];
  const contrasts = boxMeans(sums, rows, columns, window(middle));
  const round = boxMeans(sums, rows, columns, window(surroundings));
  for (let i = 0; i < contrasts.length; i++)
    contrasts[i] = (contrasts[i] as number) - surroundingsWeight * (round[i] as number);
  const reach = own.map((length) => Math.max(1, Math.floor((length * apart) / 2))) as [number, number];
  return maxima(contrasts, rows, columns, reach).map((place) => {
    const x = ((place % columns) + 0.5) / scale[0];
    const y = (Math.floor(place / columns) + 0.5) / scale[1];
    const box: Box = [
      Math.max(0, Math.floor(x - sides[0] / 2)),
      Math.max(0, Math.floor(y - sides[1] / 2)),
      Math.min(width, Math.ceil(x + sides[0] / 2)),
      Math.min(height, Math.ceil(y + sides[1] / 2)),
    ];
    const at = [Math.min(width - 1, x), Math.min(height - 1, y)] as const;
    return { box, at, contrast: contrasts[place] as number };
  });
}

/** [64, 64] to [256, 256], linear between the cells' centres; beyond the outermost that lie on the image, theirs. */
function finer(map: Float32Array, { rows, columns }: Compared): Float32Array {
  const out = new Float32Array(side * side);
  const near = (i: number, most: number): readonly [number, number, number] => {
    const place = (i + 0.5) / parts - 0.5;
    const from = Math.max(0, Math.min(most - 1, Math.floor(place)));
    return [from, Math.min(most - 1, from + 1), Math.max(0, Math.min(1, place - from))];
  };
  for (let y = 0; y < side; y++) {
    const [y0, y1, down] = near(y, rows);
    for (let x = 0; x < side; x++) {
      const [x0, x1, across] = near(x, columns);
      const value = (row: number, column: number): number => map[row * gridCells + column] as number;
      const upper = value(y0, x0) * (1 - across) + value(y0, x1) * across;
      const lower = value(y1, x0) * (1 - across) + value(y1, x1) * across;
      out[y * side + x] = upper * (1 - down) + lower * down;
    }
  }
  return out;
}

/** Sums of a map [256, 256] above and left of each corner: [rows + 1, columns + 1]. */
function summed(map: Float32Array, rows: number, columns: number): Float64Array {
  const line = columns + 1;
  const sums = new Float64Array((rows + 1) * line);
  for (let y = 0; y < rows; y++) {
    let row = 0;
    for (let x = 0; x < columns; x++) {
      row += map[y * side + x] as number;
      sums[(y + 1) * line + x + 1] = (sums[y * line + x + 1] as number) + row;
    }
  }
  return sums;
}

/** The mean round each place of [rows, columns], over what of a window lies on it. */
function boxMeans(
  sums: Float64Array,
  rows: number,
  columns: number,
  [wide, tall]: readonly [number, number],
): Float32Array {
  const out = new Float32Array(rows * columns);
  const at = (row: number, column: number): number => sums[row * (columns + 1) + column] as number;
  for (let y = 0; y < rows; y++) {
    const [above, left] = [y - Math.floor(tall / 2), -Math.floor(wide / 2)];
    const [y0, y1] = [Math.max(0, above), Math.min(rows, above + tall)];
    for (let x = 0; x < columns; x++) {
      const [x0, x1] = [Math.max(0, x + left), Math.min(columns, x + left + wide)];
      out[y * columns + x] = (at(y1, x1) - at(y0, x1) - at(y1, x0) + at(y0, x0)) / ((y1 - y0) * (x1 - x0));
    }
  }
  return out;
}

/** Places that nothing within reach exceeds; of equals the first. */
function maxima(
  map: Float32Array,
  rows: number,
  columns: number,
  [across, down]: readonly [number, number],
): number[] {
  const best = new Int32Array(rows * columns);
  const better = (a: number, b: number): number => {
    const [left, right] = [map[a] as number, map[b] as number];
    return right > left || (right === left && b < a) ? b : a;
  };
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      let own = y * columns + x;
      for (let c = Math.max(0, x - across); c <= Math.min(columns - 1, x + across); c++)
        own = better(own, y * columns + c);
      best[y * columns + x] = own;
    }
  }
  const out: number[] = [];
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      let own = best[y * columns + x] as number;
      for (let r = Math.max(0, y - down); r <= Math.min(rows - 1, y + down); r++)
        own = better(own, best[r * columns + x] as number);
      if (own === y * columns + x) out.push(own);
    }
  }
  return out;
}
