import { expect, it } from "vitest";
import { edgeNearness } from "../../src/imaging/edge-nearness.ts";
import { seededRandom } from "../../src/lib/random.ts";

const side = 256;
const cells = Array.from({ length: side * side }, (_, i) => [i % side, Math.floor(i / side)] as const);
/** A disk, a thin line whose cells are part foreground, and a block that goes on to the image's edge; 200 rows. */
const target = Float32Array.from(cells, ([x, y]) => {
  if (y >= 200) return 0;
  if ((x - 60) ** 2 + (y - 70) ** 2 < 30 ** 2 || (x > 200 && y > 150)) return 1;
  return y === 20 && x > 100 && x < 180 ? 0.3 : 0;
});
const valid = Float32Array.from(cells, ([, y]) => (y < 200 ? 1 : 0));
const near = edgeNearness({ target, valid });

it("falls with the exact distance to the nearest cell on the edge", () => {
  const at = (x: number, y: number): number => target[y * side + x]!;
  const onEdge = cells.filter(([x, y]) => {
    if (y >= 200) return false;
    const around = [
      [1, 0],
      [-1, 0],
      [0, 1],
      [0, -1],
    ].map(([dx, dy]) => [x + dx!, y + dy!] as const);
    const share = at(x, y);
    const other = around.some(
      ([u, v]) => u >= 0 && u < side && v >= 0 && v < 200 && at(u, v) >= 0.5 !== share >= 0.5,
    );
    return other || (share > 0 && share < 1);
  });
  const random = seededRandom(4);
  const some = [
    ...Array.from({ length: 400 }, () => cells[random.below(side * 200)]!),
    ...onEdge.slice(0, 50),
  ];
  for (const [x, y] of some) {
    const squared = Math.min(...onEdge.map(([u, v]) => (u - x) ** 2 + (v - y) ** 2));
    expect(near[y * side + x], `${x}, ${y}`).toBeCloseTo(squared > 36 ? 0 : Math.exp(-squared / 8), 6);
  }
});

it("does not take the end of the image for an edge", () => {
  expect(near[199 * side + 230]).toBe(0);
  expect(near[175 * side + 255]).toBe(0);
  expect(edgeNearness({ target: valid, valid }).every((value) => value === 0)).toBe(true);
});
