import { contours } from "d3-contour";
import { describe, expect, it } from "vitest";
import { maskToPolygons, polygonsToMask } from "../../src/imaging/polygons.ts";
import { traceRegions } from "../../src/imaging/trace-rings.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { codeOf } from "../helpers/codes.ts";

function speckled(width: number, height: number, share: number, seed: number) {
  const random = seededRandom(seed);
  const data = Uint8Array.from({ length: width * height }, () => (random.below(1000) < 1000 * share ? 1 : 0));
  return { width, height, data };
}

/** A ring's corners from the least on. */
function fromLeast(ring: readonly number[]): string {
  const corners = Array.from(
    { length: ring.length / 2 },
    (_, i) => [ring[2 * i], ring[2 * i + 1]] as [number, number],
  );
  const least = corners.reduce((best, corner, i) => {
    const [a, b] = [corner, corners[best] as [number, number]];
    return a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]) ? i : best;
  }, 0);
  return [...corners.slice(least), ...corners.slice(0, least)].join(" ");
}

/** d3-contour's regions, whose points lie in the middle of pixel edges: a corner is where the direction changes. */
function peer({ width, height, data }: ReturnType<typeof speckled>): string[] {
  const trace = contours().size([width, height]).smooth(false);
  return trace.contour([...data], 0.5).coordinates.map((rings) => {
    const [outer, ...holes] = rings.map((ring) => {
      const corners: number[] = [];
      for (let i = 0; i + 1 < ring.length; i++) {
        const [[ax, ay], [bx, by]] = [ring[i], ring[i + 1]] as [[number, number], [number, number]];
        if (Number.isInteger(ax) !== Number.isInteger(bx))
          corners.push(Number.isInteger(ax) ? ax : bx, Number.isInteger(ax) ? by : ay);
      }
      return fromLeast(corners);
    });
    return [outer, ...holes.sort()].join(" | ");
  });
}

describe("regions of a mask", () => {
  it.each([0.05, 0.3, 0.5, 0.7, 0.95])(
    "of which %f is foreground are d3-contour's, holes and all",
    (share) => {
      for (let seed = 1; seed <= 40; seed++) {
        const mask = speckled(5 + (seed % 37), 3 + (seed % 23), share, seed);
        const own = traceRegions(mask.data.slice(), mask.width, mask.height).map(({ outer, holes }) =>
          [fromLeast(outer), ...holes.map(fromLeast).sort()].join(" | "),
        );
        expect(own.sort()).toEqual(peer(mask).sort());
      }
    },
  );

  it("of a speckled mask of a quarter of a million pixels give it back, with thousands of holes in one region", () => {
    const mask = speckled(500, 500, 0.62, 9);
    const regions = traceRegions(mask.data.slice(), 500, 500);
    expect(Math.max(...regions.map(({ holes }) => holes.length))).toBeGreaterThan(3000);
    expect(polygonsToMask(maskToPolygons(mask), 500, 500)).toEqual(mask);
  });

  it("with more corners than an answer may have are refused, with what would do", async () => {
    const mask = speckled(1500, 1500, 0.5, 4);
    expect(await codeOf(async () => maskToPolygons(mask))).toBe("answer_too_large");
    expect(() => maskToPolygons(mask)).toThrow(/500000 corners.*format rle.*polygon_tolerance/);
  });
});
