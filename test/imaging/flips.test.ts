import { describe, expect, it } from "vitest";
import { boxOf } from "../../src/imaging/geometry.ts";
import { flipBox, flipImage, flipMask, flipPoint, flipRle, flips } from "../../src/imaging/flips.ts";
import { encodeRle } from "../../src/imaging/rle.ts";
import { seededRandom } from "../../src/lib/random.ts";
import type { Size } from "../../src/imaging/types.ts";

const size: Size = [2, 3];
const mask = { width: 3, height: 2, data: Uint8Array.of(1, 1, 0, 0, 0, 0) };

describe("a flip", () => {
  it("puts every pixel where a mirror does", () => {
    const image = { width: 3, height: 2, data: Uint8Array.from({ length: 18 }, (_, i) => Math.floor(i / 3)) };
    const firsts = (data: Uint8Array) => [...data].filter((_, i) => i % 3 === 0);
    expect(firsts(flipImage(image, "x").data)).toEqual([2, 1, 0, 5, 4, 3]);
    expect(firsts(flipImage(image, "y").data)).toEqual([3, 4, 5, 0, 1, 2]);
    expect(firsts(flipImage(image, "xy").data)).toEqual([5, 4, 3, 2, 1, 0]);
  });

  it.each(flips)("moves a box as it moves the mask: %s", (flip) => {
    const box = boxOf(mask);
    if (!box) throw new Error("there is a box");
    expect(flipBox(box, size, flip)).toEqual(boxOf(flipMask(mask, flip)));
  });

  it.each(flips)("done twice is nothing: %s", (flip) => {
    expect(flipMask(flipMask(mask, flip), flip)).toEqual(mask);
    expect(flipBox(flipBox([0, 0, 2, 1], size, flip), size, flip)).toEqual([0, 0, 2, 1]);
    expect(flipPoint(flipPoint([0.5, 1.5, 0], size, flip), size, flip)).toEqual([0.5, 1.5, 0]);
  });

  it.each(flips)("moves run lengths as it moves their pixels: %s", (flip) => {
    const random = seededRandom(3);
    for (const share of [0, 0.1, 0.5, 0.9, 1]) {
      const drawn = {
        width: 7,
        height: 5,
        data: Uint8Array.from({ length: 35 }, () => +(random.next() < share)),
      };
      expect(flipRle(encodeRle(drawn), flip)).toEqual(encodeRle(flipMask(drawn, flip)));
    }
  });
});
