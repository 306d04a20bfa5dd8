import { expect, test } from "vitest";
import { areaOf, boxOf } from "../../src/imaging/geometry.ts";
import { logitsAtSize, maskAtSize } from "../../src/imaging/postprocess.ts";
import { rleAtSize } from "../../src/imaging/rle-at-size.ts";
import { decodeRle, encodeRle } from "../../src/imaging/rle.ts";
import type { Size } from "../../src/imaging/types.ts";
import { seededRandom } from "../../src/lib/random.ts";

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

test("run lengths without pixels are those of the mask, also of noise, of zeros, and of values too small or large to multiply", () => {
  const random = seededRandom(7);
  const plane = (value: (i: number) => number): Float32Array =>
    Float32Array.from({ length: 256 * 256 }, (_, i) => value(i));
  const pick = (values: readonly number[]): number => values[random.below(values.length)] as number;
  const blob = disc(70, 90, 30);
  const planes = [
    ...discs,
    ...[0.1, 1, 10].map((noise) => blob.map((value) => value + noise * random.normal())),
    plane(() => random.normal()),
    plane(() => pick([0, -0, 1, -1])),
    plane(() => pick([0, 1e-45, 2e-45, -1e-45])),
    plane(() => pick([1e-45, 1e-38, 1])),
    plane(() => pick([1, 3e38, Infinity, -Infinity, Number.NaN])),
    plane(() => 0),
    plane(() => 1),
    plane((i) => (i < 20 * 256 ? 1 : -1)),
    plane((i) => (i % 256 < 3 || i > 150 * 256 ? 1e-3 : -2)),
  ];
  for (const size of [...sizes, [1, 1], [5, 2000], [256, 256], [2100, 2100]] as Size[]) {
    for (const lowRes of planes) {
      const mask = maskAtSize(lowRes, size);
      const bbox = boxOf(mask);
      expect(rleAtSize(lowRes, size)).toEqual({ rle: encodeRle(mask, bbox), bbox, area: areaOf(mask, bbox) });
    }
  }
});
