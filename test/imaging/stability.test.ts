import { expect, test } from "vitest";
import { logitsAtSize, maskAtSize, stableMaskAtSize } from "../../src/imaging/postprocess.ts";
import { seededRandom } from "../../src/lib/random.ts";

const size = [150, 210] as const;

/** Low-res logits of a soft blob with some noise. */
function blob(seed: number, height: number): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: 65_536 }, (_, i) => {
    const distance = Math.hypot((i % 256) - 110, Math.floor(i / 256) - 80);
    return height - distance / 4 + random.normal() * 0.5;
  });
}

test.each([
  [0.25, 12],
  [1, 12],
  [4, 12],
  [1, 0.2],
])("with offset %f and a peak of %f: the mask as always, and the IoU of the two others", (offset, peak) => {
  const lowRes = blob(3, peak);
  const logits = logitsAtSize(lowRes, size);
  const above = (threshold: number): number => logits.filter((value) => value > threshold).length;
  const { mask, stability } = stableMaskAtSize(lowRes, size, offset);
  expect(Buffer.compare(mask.data, maskAtSize(lowRes, size).data)).toBe(0);
  // One of the two lies inside the other. A pixel at the threshold may fall to either side by rounding.
  expect(stability).toBeCloseTo(above(offset) / above(-offset), 3);
  expect(stability).toBeLessThan(1);
});

test("of nothing is 0", () => {
  const { mask, stability } = stableMaskAtSize(new Float32Array(65_536).fill(-9), size, 1);
  expect([stability, mask.data.includes(1)]).toEqual([0, false]);
});
