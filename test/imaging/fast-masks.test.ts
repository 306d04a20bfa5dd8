import { expect, test } from "vitest";
import { boxOf } from "../../src/imaging/geometry.ts";
import { logitsAtSize, maskAtSize } from "../../src/imaging/postprocess.ts";
import { decodeRle, encodeRle } from "../../src/imaging/rle.ts";
import type { Size } from "../../src/imaging/types.ts";

/** Logits that are above 0 only in a disc of low-res cells. */
const disc = (cx: number, cy: number, radius: number): Float32Array =>
  Float32Array.from(
    { length: 256 * 256 },
    (_, i) => (radius - Math.hypot((i & 255) - cx, (i >> 8) - cy)) / 3,
  );

const sizes: Size[] = [
  [750, 1000],
  [1000, 750],
  [37, 64],
  [1500, 300],
];
const discs = [disc(60, 80, 20), disc(0, 0, 9), disc(128, 128, 300), disc(40, 100, 0.4), disc(40, 40, -5)];

test("rows that see nothing above 0 are passed over, and the mask is the logits' all the same", () => {
  for (const size of sizes) {
    for (const lowRes of discs) {
      const whole = Uint8Array.from(logitsAtSize(lowRes, size), (value) => (value > 0 ? 1 : 0));
      expect(Buffer.compare(maskAtSize(lowRes, size).data, whole)).toBe(0);
    }
  }
});

test("run lengths inside the box alone are those of the whole mask", () => {
  for (const size of sizes) {
    for (const lowRes of discs) {
      const mask = maskAtSize(lowRes, size);
      const given = encodeRle(mask, boxOf(mask));
      expect(given).toEqual(encodeRle(mask, [0, 0, mask.width, mask.height]));
      expect(Buffer.compare(decodeRle(given).data, mask.data)).toBe(0);
    }
  }
});
