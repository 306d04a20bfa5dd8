import { describe, expect, test } from "vitest";
import { removeSmallRegions } from "../../src/imaging/regions.ts";
import type { BinaryMask } from "../../src/imaging/types.ts";
import { randomMask } from "../worlds/images.ts";

/** Rows of "#" and "." as a mask, and back. */
const draw = (...rows: string[]): BinaryMask => ({
  width: (rows[0] as string).length,
  height: rows.length,
  data: Uint8Array.from(rows.join("").split(""), (c) => (c === "#" ? 1 : 0)),
});
const rowsOf = ({ width, height, data }: BinaryMask): string[] =>
  Array.from({ length: height }, (_, y) =>
    Array.from(data.subarray(y * width, (y + 1) * width), (v) => (v === 1 ? "#" : ".")).join(""),
  );

describe("holes", () => {
  test("of fewer pixels than asked are filled, larger ones and the background stay", () => {
    const mask = draw("########....", "#.##..#.....", "####..#.....", "########....");
    const { mask: filled, changed } = removeSmallRegions(mask, 4, "holes");
    expect(rowsOf(filled)).toEqual(["########....", "####..#.....", "####..#.....", "########...."]);
    expect(changed).toBe(true);
  });

  test("that touch the background at a corner are no holes of their own", () => {
    const mask = draw("####", "#.##", "##.#", "###.", "....");
    expect(removeSmallRegions(mask, 4, "holes")).toEqual({ mask, changed: false });
  });
});

describe("islands", () => {
  test("of fewer pixels are removed; pixels that touch at a corner are one", () => {
    const mask = draw("#....##", ".#...##", "..#....", "......#", "#......");
    const { mask: left } = removeSmallRegions(mask, 3, "islands");
    expect(rowsOf(left)).toEqual(["#....##", ".#...##", "..#....", ".......", "......."]);
  });

  test("leave the largest where all are too small, and count as changed", () => {
    const mask = draw("##..#", "....#", "#....", "....#");
    const { mask: left, changed } = removeSmallRegions(mask, 10, "islands");
    expect(rowsOf(left)).toEqual(["##...", ".....", ".....", "....."]);
    expect(changed).toBe(true);
  });

  test("of a mask that has none are no change", () => {
    const empty = draw("...", "...");
    expect(removeSmallRegions(empty, 5, "islands")).toEqual({ mask: empty, changed: false });
  });
});

test.each([1, 2, 3, 4])("agrees with a flood fill on a random mask (%i)", (seed) => {
  const mask = randomMask(97, 71, seed);
  for (const [mode, value] of [
    ["holes", 0],
    ["islands", 1],
  ] as const) {
    const wanted = floodFilled(mask, value, 6);
    expect(Buffer.compare(removeSmallRegions(mask, 6, mode).mask.data, wanted)).toBe(0);
    expect(Buffer.compare(mask.data, wanted)).not.toBe(0);
  }
});

/** The same by a pixel at a time. */
function floodFilled({ width, height, data }: BinaryMask, value: number, minArea: number): Uint8Array {
  const out = data.slice();
  const seen = new Uint8Array(data.length);
  for (let start = 0; start < data.length; start++) {
    if (data[start] !== value || seen[start] === 1) continue;
    const region = [start];
    seen[start] = 1;
    for (const at of region) {
      const [x, y] = [at % width, Math.floor(at / width)];
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
          const next = v * width + u;
          if (data[next] !== value || seen[next] === 1) continue;
          seen[next] = 1;
          region.push(next);
        }
      }
    }
    if (region.length < minArea) for (const at of region) out[at] = 1 - value;
  }
  return out;
}
