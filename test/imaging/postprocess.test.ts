import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { areaOf } from "../../src/imaging/geometry.ts";
import { logitsAtSize, maskAtSize } from "../../src/imaging/postprocess.ts";
import { lcgBytes } from "../helpers/lcg.ts";

interface Reference {
  cases: {
    seed: number;
    size: [number, number];
    foreground: number;
    near_zero: number;
    at: number[];
    logits: number[];
  }[];
}

const reference = JSON.parse(
  readFileSync(new URL("reference/postprocess.json", import.meta.url), "utf8"),
) as Reference;

/** As peers/reference/postprocess.py: a 32 x 32 grid, each value 8 x 8 times. */
function lowRes(seed: number): Float32Array {
  const grid = lcgBytes(32 * 32, seed);
  return Float32Array.from(
    { length: 256 * 256 },
    (_, i) => (grid[(i >> 11) * 32 + ((i & 255) >> 3)] as number) / 8 - 16.03,
  );
}

test.each(reference.cases)(
  "logits at $size equal PyTorch's two interpolations",
  ({ seed, size, at, logits, foreground, near_zero }) => {
    const ours = logitsAtSize(lowRes(seed), size);
    const worst = Math.max(
      ...at.map((position, i) => Math.abs((ours[position] as number) - (logits[i] as number))),
    );
    expect(worst).toBeLessThan(2e-4);
    // Only pixels whose logit is next to 0 may fall on the other side.
    expect(Math.abs(areaOf(maskAtSize(lowRes(seed), size)) - foreground)).toBeLessThanOrEqual(near_zero);
  },
);

test("a mask is where the logits are above 0", () => {
  const logits = logitsAtSize(lowRes(9), [211, 340]);
  const mask = maskAtSize(lowRes(9), [211, 340]);
  expect(
    Buffer.compare(
      mask.data,
      Uint8Array.from(logits, (value) => (value > 0 ? 1 : 0)),
    ),
  ).toBe(0);
});

test("logits of another length are refused", () => {
  expect(() => maskAtSize(new Float32Array(64), [10, 10])).toThrow("[256, 256]");
});
