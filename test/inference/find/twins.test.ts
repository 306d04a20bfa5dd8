import { expect, it } from "vitest";
import { withoutTwins } from "../../../src/inference/find/twins.ts";
import { encodeRle } from "../../../src/imaging/rle.ts";
import type { Box } from "../../../src/imaging/types.ts";

const square = ([x0, y0, x1, y1]: Box) => {
  const data = new Uint8Array(50 * 50);
  for (let y = y0; y < y1; y++) data.fill(1, y * 50 + x0, y * 50 + x1);
  return { mask: encodeRle({ width: 50, height: 50, data }), bbox: [x0, y0, x1, y1] as Box };
};

it("keeps the first of masks that show the same object", () => {
  const masks = [
    square([0, 0, 10, 10]),
    // IoU .6 with the first.
    square([0, 0, 10, 6]),
    // IoU .4.
    square([0, 0, 10, 4]),
    square([30, 30, 40, 40]),
  ];
  expect(withoutTwins({ masks })).toEqual([0, 2, 3]);
});

it("tells masks apart whose boxes are the same", () => {
  const ring = new Uint8Array(50 * 50);
  const [inner, outer] = [square([12, 12, 38, 38]), square([10, 10, 40, 40])];
  for (let y = 10; y < 40; y++)
    for (let x = 10; x < 40; x++) if (y < 12 || y >= 38 || x < 12 || x >= 38) ring[y * 50 + x] = 1;
  const rim = { mask: encodeRle({ width: 50, height: 50, data: ring }), bbox: outer.bbox };
  expect(withoutTwins({ masks: [rim, inner] })).toEqual([0, 1]);
});
