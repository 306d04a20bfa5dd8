import type { FinderTargets } from "../../imaging/finding/targets.ts";
import { partsOfCell, sides } from "../../domain/finder-layout.ts";
import type { Random } from "../../lib/random.ts";
import { batchShapes, type BatchName, type CropShape } from "./finder-loss.ts";

/** An image that trains: its pooled cells [n, n, 256] and what a finder shall make of them. */
export interface Taken {
  readonly cells: Float32Array;
  readonly targets: FinderTargets;
}

/** Share of the crops that are laid round an object; the others lie anywhere on the image. */
const roundObjects = 0.5;
/** Share of the channels that a crop does without: a few images alone would be learnt by heart. */
const dropped = 0.1;

export type Batch = Readonly<Record<BatchName, Float32Array>>;

/** Crops of images, one of each. The same random source gives the same batch. */
export function batchOf(images: readonly Taken[], shape: CropShape, random: Random): Batch {
  const shapes = batchShapes(shape);
  const batch = Object.fromEntries(
    Object.entries(shapes).map(([name, own]) => [
      name,
      new Float32Array(own.reduce<number>((product, size) => product * size, 1)),
    ]),
  ) as Record<BatchName, Float32Array>;
  for (const [i, image] of images.entries()) {
    const corner = cornerOf(image, shape, random);
    copyCrop(batch, i, image, corner, shape);
    for (let c = 0; c < 256; c++) batch.kept[i * 256 + c] = random.next() < dropped ? 0 : 1 / (1 - dropped);
  }
  return batch;
}

/** Top and left cell of a crop. */
function cornerOf({ targets }: Taken, { side }: CropShape, random: Random): [number, number] {
  const cells = targets.grid / 2;
  const most = cells - side;
  if (most <= 0) return [0, 0];
  const inside = (at: number): number => Math.max(0, Math.min(most, at));
  const peak = targets.peaks[random.below(Math.max(1, targets.peaks.length))];
  if (peak && random.next() < roundObjects)
    return [inside((peak[0] >> 1) - random.below(side)), inside((peak[1] >> 1) - random.below(side))];
  const [rows, columns] = targets.extent.map((parts) => Math.ceil(parts / 2)) as [number, number];
  // A quarter of a crop may lie beyond the image, so that its edges are seen as often as its middle.
  const along = (length: number): number =>
    inside(random.below(Math.max(1, length - Math.floor(side / 2))) - Math.floor(side / 4));
  return [along(rows), along(columns)];
}

function copyCrop(
  batch: Record<BatchName, Float32Array>,
  index: number,
  { cells, targets }: Taken,
  [top, left]: readonly [number, number],
  { side, labels }: CropShape,
): void {
  const { grid } = targets;
  const width = grid / 2;
  const parts = side * side * partsOfCell;
  for (let y = 0; y < side; y++) {
    const from = ((top + y) * width + left) * 256;
    batch.cells.set(cells.subarray(from, from + side * 256), (index * side * side + y * side) * 256);
  }
  const copy = (to: Float32Array, values: Float32Array, each: number): void => {
    let at = index * parts * each;
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        for (let part = 0; part < partsOfCell; part++) {
          const row = 2 * (top + y) + (part >> 1);
          const from = (row * grid + 2 * (left + x) + (part & 1)) * each;
          for (let k = 0; k < each; k++) to[at++] = values[from + k] as number;
        }
      }
    }
  };
  copy(batch.foreground, targets.foreground, labels);
  copy(batch.centres, targets.centres, labels);
  copy(batch.sides, targets.sides, sides);
  copy(batch.weight, targets.weight, 1);
  copy(batch.valid, targets.valid, 1);
}
