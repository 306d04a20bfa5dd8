import { describe, expect, it } from "vitest";
import { BoxIndex } from "../../src/imaging/box-index.ts";
import type { Box } from "../../src/imaging/types.ts";
import { seededRandom } from "../../src/lib/random.ts";

const source = seededRandom(5);
const random = (): number => source.next();
const boxOf = (most: number): Box => {
  const [x, y] = [random() * 1200, random() * 1200];
  return [x, y, x + 1 + random() * most, y + 1 + random() * most];
};
const meet = (a: Box, b: Box): boolean => a[0] <= b[2] && b[0] <= a[2] && a[1] <= b[3] && b[1] <= a[3];

describe("boxes by the squares that they touch", () => {
  it("tell of every box that meets one, in their order, small and large, inside and outside of all", () => {
    const boxes = Array.from({ length: 300 }, (_, i) => boxOf(i % 10 === 0 ? 900 : 30));
    const index = new BoxIndex(boxes);
    const asked = [
      ...Array.from({ length: 100 }, () => boxOf(200)),
      [-50, -50, 2, 2],
      [3000, 3000, 3001, 3001],
    ] as Box[];
    for (const box of asked) {
      const near = index.near(box);
      expect(near).toEqual([...new Set(near)].sort((a, b) => a - b));
      for (const [i, other] of boxes.entries()) if (meet(box, other)) expect(near).toContain(i);
    }
  });

  it("leave most of thousands aside", () => {
    const boxes = Array.from({ length: 4000 }, () => boxOf(20));
    const index = new BoxIndex(boxes);
    const seen = boxes.map((box) => index.near(box).length);
    expect(Math.max(...seen)).toBeLessThan(100);
  });

  it("may be none, or one without area", () => {
    expect(new BoxIndex([]).near([0, 0, 5, 5])).toEqual([]);
    expect(new BoxIndex([[3, 3, 3, 3]]).near([0, 0, 5, 5])).toEqual([0]);
  });
});
