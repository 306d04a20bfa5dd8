import { expect, test } from "vitest";
import { asHalves, fromHalf, toHalf } from "../../src/checkpoint/halves.ts";

test("every finite float16 is its own nearest", () => {
  const wrong = Array.from({ length: 65_536 }, (_, half) => half).filter(
    (half) => Number.isFinite(fromHalf(half)) && toHalf(fromHalf(half)) !== half,
  );
  expect(wrong).toEqual([]);
});

test.each([
  [1 + 2 ** -11, 1],
  [1 + 3 * 2 ** -11, 1 + 2 ** -9],
  [2 ** -25, 0],
  [1.5 * 2 ** -24, 2 ** -23],
  [65_519, 65_504],
  [1e9, 65_504],
  [-1e9, -65_504],
])("%s becomes %s: ties to even, and nothing infinite", (value, wanted) => {
  const values = Float32Array.of(value);
  asHalves(values);
  expect(values[0]).toBe(wanted);
});
