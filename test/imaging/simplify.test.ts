import { describe, expect, it } from "vitest";
import { iou } from "../../src/imaging/metrics.ts";
import { maskToPolygons, polygonsToMask } from "../../src/imaging/polygons.ts";
import { simplifyRing } from "../../src/imaging/simplify.ts";
import type { BinaryMask } from "../../src/imaging/types.ts";
import { randomMask } from "../worlds/images.ts";

/** Distance of a point to the nearest edge of a ring. */
function distanceTo(ring: readonly number[], x: number, y: number): number {
  let nearest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < ring.length; i += 2) {
    const [ax = 0, ay = 0] = ring.slice(i, i + 2);
    const [bx = 0, by = 0] = [ring[(i + 2) % ring.length], ring[(i + 3) % ring.length]];
    const [dx, dy] = [bx - ax, by - ay];
    const along = ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1);
    const t = Math.max(0, Math.min(1, along));
    nearest = Math.min(nearest, Math.hypot(x - ax - t * dx, y - ay - t * dy));
  }
  return nearest;
}

/** A ring round a hole: radii 30 and 12. */
function annulus(): BinaryMask {
  const data = new Uint8Array(80 * 70);
  for (let p = 0; p < data.length; p++) {
    const d = Math.hypot((p % 80) - 40, Math.floor(p / 80) - 35);
    data[p] = d <= 30 && d > 12 ? 1 : 0;
  }
  return { width: 80, height: 70, data };
}

describe("a simplified ring", () => {
  it.each([0.5, 1, 2, 5])("leaves out no corner farther than %d from what takes its place", (tolerance) => {
    for (const ring of maskToPolygons(randomMask(60, 50, 3))) {
      const simple = simplifyRing(ring, tolerance);
      expect(simple.length).toBeGreaterThanOrEqual(6);
      expect(simple.length).toBeLessThanOrEqual(ring.length);
      for (let i = 0; i < ring.length; i += 2)
        expect(distanceTo(simple, ring[i] as number, ring[i + 1] as number)).toBeLessThanOrEqual(
          tolerance + 1e-9,
        );
    }
  });

  it("is the ring itself at tolerance 0, and never less than a triangle", () => {
    const square = [0, 0, 9, 0, 9, 9, 0, 9];
    expect(simplifyRing(square, 0)).toEqual(square);
    expect(simplifyRing(square, 100)).toHaveLength(6);
    expect(simplifyRing([0, 0, 5, 0, 5, 1], 100)).toEqual([0, 0, 5, 0, 5, 1]);
    // Corners in one line are left out at the smallest tolerance.
    expect(simplifyRing([0, 0, 4, 0, 9, 0, 9, 9, 0, 9], 0.01)).toEqual(square);
  });
});

it("a mask's polygons keep their hole when they are simplified", () => {
  const mask = annulus();
  const [exact, simple] = [maskToPolygons(mask), maskToPolygons(mask, 1)];
  expect(simple).toHaveLength(1);
  expect(simple.flat().length).toBeLessThan(exact.flat().length / 2);
  const back = polygonsToMask(simple, 80, 70);
  expect(iou(back, mask)).toBeGreaterThan(0.92);
  expect(back.data[35 * 80 + 40]).toBe(0);
});
