import { describe, expect, it } from "vitest";
import { edgePieces } from "../../src/console/canvas/edges.ts";
import { boxOf } from "../../src/imaging/geometry.ts";
import type { BinaryMask } from "../../src/imaging/types.ts";
import { seededRandom } from "../../src/lib/random.ts";

/** How often each unit edge is drawn: `h x y` above a pixel, `v x y` left of one. */
function drawn(mask: BinaryMask): Map<string, number> {
  const pieces = edgePieces(mask, boxOf(mask));
  const edges = new Map<string, number>();
  const count = (edge: string): void => void edges.set(edge, (edges.get(edge) ?? 0) + 1);
  for (let i = 0; i < pieces.length; i += 4) {
    const [x0, y0, x1, y1] = pieces.slice(i, i + 4) as [number, number, number, number];
    for (let x = x0; x < x1; x++) count(`h ${x} ${y0}`);
    for (let y = y0; y < y1; y++) count(`v ${x0} ${y}`);
  }
  return edges;
}

/** The same, pixel by pixel. */
function expected({ width, height, data }: BinaryMask): Map<string, number> {
  const at = (x: number, y: number): number =>
    x < 0 || y < 0 || x >= width || y >= height ? 0 : (data[y * width + x] as number);
  const edges = new Map<string, number>();
  for (let y = 0; y <= height; y++) {
    for (let x = 0; x <= width; x++) {
      if (at(x, y) !== at(x, y - 1)) edges.set(`h ${x} ${y}`, 1);
      if (at(x, y) !== at(x - 1, y)) edges.set(`v ${x} ${y}`, 1);
    }
  }
  return edges;
}

const sorted = (edges: Map<string, number>): [string, number][] =>
  [...edges].sort(([a], [b]) => (a < b ? -1 : 1));

describe("edgePieces", () => {
  it("is four pieces for a rectangle", () => {
    const mask = {
      width: 5,
      height: 4,
      data: Uint8Array.from([0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0]),
    };
    expect(edgePieces(mask, boxOf(mask))).toHaveLength(16);
    expect(sorted(drawn(mask))).toEqual(sorted(expected(mask)));
  });

  it.each([0.1, 0.5, 0.9, 1])("draws every edge once where %d of the pixels are foreground", (share) => {
    const random = seededRandom(Math.round(share * 100));
    const data = Uint8Array.from({ length: 37 * 23 }, () => (random.next() < share ? 1 : 0));
    const mask = { width: 37, height: 23, data };
    expect(sorted(drawn(mask))).toEqual(sorted(expected(mask)));
  });

  it("is nothing for an empty mask", () => {
    expect(edgePieces({ width: 4, height: 4, data: new Uint8Array(16) }, [0, 0, 0, 0])).toEqual([]);
  });
});
