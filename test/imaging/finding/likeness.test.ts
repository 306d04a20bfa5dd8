import { expect, it } from "vitest";
import { likeBoxes } from "../../../src/imaging/finding/like-boxes.ts";
import {
  compared,
  type Exemplar,
  likeness,
  pooled,
  similarity,
} from "../../../src/imaging/finding/likeness.ts";
import { boxIou } from "../../../src/imaging/geometry.ts";
import { encodeRle } from "../../../src/imaging/rle.ts";
import type { Box, RleMask, Size } from "../../../src/imaging/types.ts";
import { seededRandom } from "../../../src/lib/random.ts";
import { rectangleMask } from "../../worlds/images.ts";

/** A cell is 8 x 8 pixels of it, and rows from 32 on are padding. */
const size: Size = [256, 512];
const rle = (box: Box): RleMask => encodeRle(rectangleMask(size[1], size[0], box));

const random = seededRandom(3);
const vector = (): number[] => Array.from({ length: 256 }, () => random.next() - 0.5);
const [common, object, other] = [vector().map((value) => 20 * value), vector(), vector()];

/** What all cells have in common, and in some cells [row, column] something of their own. */
function embedding(cells: readonly (readonly [number, number, readonly number[]])[]): Float32Array {
  const data = new Float32Array(64 * 64 * 256);
  for (let cell = 0; cell < 64 * 64; cell++) data.set(common, cell * 256);
  for (const [row, column, own] of cells)
    data.set(
      own.map((value, c) => value + (common[c] as number)),
      (row * 64 + column) * 256,
    );
  return data;
}

/** Two objects of 4 x 4 cells, and something else of that size. */
const square = (row: number, column: number, own: readonly number[]) =>
  Array.from({ length: 16 }, (_, i) => [row + (i >> 2), column + (i & 3), own] as const);
const image = compared(
  embedding([...square(4, 4, object), ...square(20, 40, object), ...square(20, 10, other)]),
  size,
);
const first: Box = [32, 32, 64, 64];
const exemplar: Exemplar = { vector: pooled(rle(first), image)!, area: 32 * 32, sides: [32, 32] };

it("takes off what all cells of the image have in common, the padding apart", () => {
  expect([image.rows, image.columns]).toEqual([32, 64]);
  const map = similarity(exemplar.vector, image);
  expect(map[21 * 64 + 41]).toBeCloseTo(1, 4);
  expect(map[40 * 64 + 4]).toBe(-1);
  // Plain paper is no more like the object than something else is.
  expect(map[2 * 64 + 30]).toBeLessThan(0.1);
  expect(map[21 * 64 + 11]).toBeLessThan(0.3);
});

it("pools by how much of a cell a mask covers, and small masks by the cells that they cover most", () => {
  const both = compared(embedding([...square(4, 4, object), ...square(4, 8, other)]), size);
  // All of the object's last column and a fourth of the next, which is left out.
  const most = pooled(rle([56, 32, 66, 64]), both)!;
  const alone = pooled(rle([56, 32, 64, 64]), both)!;
  expect([...most]).toEqual([...alone]);
  // No cell by more than a fourth: all three that are covered by nearly as much count.
  expect(pooled(rle([36, 36, 40, 40]), both)).not.toBeNull();
  expect(
    pooled(
      { format: "rle", size: [256, 512], counts: encodeRle(rectangleMask(512, 256, [0, 0, 0, 0])).counts },
      both,
    ),
  ).toBeNull();
});

it("finds places of about the object's size where an object stands out, each once", () => {
  const places = likeBoxes(exemplar, image, 10);
  const twin: Box = [320, 160, 352, 192];
  for (const there of [first, twin]) {
    const at = places.findIndex(({ box }) => boxIou(box, there) > 0.8);
    expect(at).toBeGreaterThan(-1);
    expect(places[at]!.contrast).toBeGreaterThan(0.5);
  }
  const elsewhere = places.filter(({ box }) => boxIou(box, first) === 0 && boxIou(box, twin) === 0);
  for (const { contrast } of elsewhere) expect(contrast).toBeLessThan(0.5);
  for (const [i, { box, at }] of places.entries()) {
    expect(box[0] >= 0 && box[1] >= 0 && box[2] <= 512 && box[3] <= 256).toBe(true);
    expect(at[0] < 512 && at[1] < 256).toBe(true);
    for (const next of places.slice(i + 1)) expect(boxIou(next.box, box)).toBeLessThanOrEqual(0.6);
  }
  expect(likeBoxes(exemplar, image, 1)).toEqual(places.slice(0, 1));
});

it("says how alike a mask is: what it shows, and how large it is", () => {
  const twin: Box = [320, 160, 352, 192];
  expect(likeness(rle(twin), 1024, exemplar, image)).toBeCloseTo(1, 4);
  const half: Box = [320, 160, 352, 176];
  expect(likeness(rle(half), 512, exemplar, image)).toBeCloseTo(0.5 ** 0.35, 4);
  expect(likeness(rle([80, 160, 112, 192]), 1024, exemplar, image)).toBeLessThan(0.3);
  expect(likeness(rle([300, 20, 332, 52]), 1024, exemplar, image)).toBeLessThan(0.1);
});
