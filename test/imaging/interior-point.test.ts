import { describe, expect, it } from "vitest";
import { interiorPoint } from "../../src/imaging/interior-point.ts";
import type { BinaryMask } from "../../src/imaging/types.ts";
import { randomMask } from "../worlds/images.ts";

/** The same by looking at every pair of pixels; outside the image is background. */
function slowly({ width, height, data }: BinaryMask) {
  let best = { x: -1, y: -1, squaredDistance: 0 };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (data[y * width + x] === 0) continue;
      let nearest = Number.POSITIVE_INFINITY;
      for (let v = -1; v <= height; v++) {
        for (let u = -1; u <= width; u++) {
          const inside = u >= 0 && v >= 0 && u < width && v < height && data[v * width + u] === 1;
          if (!inside) nearest = Math.min(nearest, (x - u) ** 2 + (y - v) ** 2);
        }
      }
      if (nearest > best.squaredDistance) best = { x, y, squaredDistance: nearest };
    }
  }
  return best;
}

const filled = (width: number, height: number, inside: (x: number, y: number) => boolean): BinaryMask => ({
  width,
  height,
  data: Uint8Array.from({ length: width * height }, (_, i) =>
    inside(i % width, Math.floor(i / width)) ? 1 : 0,
  ),
});

describe("the most interior point of a mask", () => {
  it.each([
    [37, 23, 1, 0.4],
    [23, 37, 2, 0.8],
    [40, 40, 3, 0.95],
    [1, 30, 4, 0.9],
    [30, 1, 5, 0.9],
  ])("is the one that looking at all pairs finds: %i x %i", (width, height, seed, share) => {
    const mask = randomMask(width, height, seed, share);
    expect(interiorPoint(mask)).toEqual(slowly(mask));
  });

  it("is the middle of a disc, and of the larger of two", () => {
    const disc = (x: number, y: number, r: number) => (u: number, v: number) =>
      (u - x) ** 2 + (v - y) ** 2 <= r * r;
    const [small, large] = [disc(20, 20, 8), disc(70, 40, 15)];
    expect(interiorPoint(filled(100, 80, small))).toMatchObject({ x: 20, y: 20 });
    expect(interiorPoint(filled(100, 80, (x, y) => small(x, y) || large(x, y)))).toMatchObject({
      x: 70,
      y: 40,
    });
  });

  it("lies on a ring, not in its hole", () => {
    const ring = filled(60, 60, (x, y) => Math.abs(Math.hypot(x - 30, y - 30) - 20) <= 4);
    const point = interiorPoint(ring);
    if (!point) throw new Error("no point");
    expect(ring.data[point.y * 60 + point.x]).toBe(1);
  });

  it("keeps away from the image's edge: a full image has its middle", () => {
    expect(interiorPoint(filled(9, 5, () => true))).toEqual({ x: 2, y: 2, squaredDistance: 9 });
  });

  it("passes over pixels that are taken, and is null where there is none", () => {
    const two = filled(10, 10, (x, y) => y === 5 && (x === 3 || x === 6));
    expect(interiorPoint(two, new Set([53]))).toMatchObject({ x: 6, y: 5 });
    expect(interiorPoint(two, new Set([53, 56]))).toBeNull();
    expect(interiorPoint(filled(10, 10, () => false))).toBeNull();
  });
});
