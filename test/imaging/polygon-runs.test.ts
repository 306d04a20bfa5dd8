import { describe, expect, test } from "vitest";
import { lowResMean } from "../../src/imaging/coordinates.ts";
import { cropPlane } from "../../src/imaging/crop.ts";
import { keptMask } from "../../src/imaging/kept-mask.ts";
import { areaOf, boxOf } from "../../src/imaging/geometry.ts";
import { maskShare } from "../../src/imaging/mask-share.ts";
import { polygonsToMask } from "../../src/imaging/polygons.ts";
import { encodeRle } from "../../src/imaging/rle.ts";
import type { BinaryMask, Box } from "../../src/imaging/types.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { randomMask } from "../worlds/images.ts";

/** A port of cocoapi common/maskApi.c, rleFrPoly, that takes every step of its line: the truth, and slow. */
function stepByStep(xy: readonly number[], mask: BinaryMask): void {
  const { width, height, data } = mask;
  const scale = 5;
  const k = xy.length / 2;
  const crossings: number[] = [];
  let [lastU, lastV] = [Number.NaN, 0];
  const visit = (u: number, v: number): void => {
    if (u !== lastU && !Number.isNaN(lastU)) {
      const xd = ((u < lastU ? u : u - 1) + 0.5) / scale - 0.5;
      if (Math.floor(xd) === xd && xd >= 0 && xd <= width - 1) {
        const yd = ((v < lastV ? v : lastV) + 0.5) / scale - 0.5;
        crossings.push(xd * height + Math.ceil(Math.min(Math.max(yd, 0), height)));
      }
    }
    [lastU, lastV] = [u, v];
  };
  const fine = (i: number): number => Math.trunc(scale * (xy[i] as number) + 0.5);
  for (let j = 0; j < k; j++) {
    let [xs, ys] = [fine(2 * j), fine(2 * j + 1)];
    let [xe, ye] = [fine((2 * j + 2) % xy.length), fine((2 * j + 3) % xy.length)];
    const [dx, dy] = [Math.abs(xe - xs), Math.abs(ye - ys)];
    const flip = (dx >= dy && xs > xe) || (dx < dy && ys > ye);
    if (flip) [xs, ys, xe, ye] = [xe, ye, xs, ys];
    const slope = dx >= dy ? (ye - ys) / dx : (xe - xs) / dy;
    const steps = Math.max(dx, dy);
    for (let i = 0; i <= steps; i++) {
      const d = flip ? steps - i : i;
      if (dx >= dy) visit(d + xs, Math.trunc(ys + slope * d + 0.5));
      else visit(Math.trunc(xs + slope * d + 0.5), d + ys);
    }
  }
  const sorted = Float64Array.from(crossings).sort();
  for (let i = 0; i < sorted.length; i += 2) {
    const end = sorted[i + 1] ?? width * height;
    for (let p = sorted[i] as number; p < end; p++) data[(p % height) * width + Math.floor(p / height)] = 1;
  }
}

const blank = (width: number, height: number): BinaryMask => ({
  width,
  height,
  data: new Uint8Array(width * height),
});

describe("a polygon by its crossings", () => {
  test.each([
    ["whole corners", 1, 7, 400],
    ["tenths of a pixel", 0.1, 5, 400],
    ["any place, far outside too", 1e-9, 9, 400],
    ["many crossing edges", 0.25, 300, 20],
    ["more edges than a column has pixels", 1, 3000, 4],
  ])("is what taking every step gives: %s", (_, step, most, times) => {
    const random = seededRandom(most);
    for (let i = 0; i < times; i++) {
      const [width, height] = [1 + random.below(60), 1 + random.below(60)];
      const reach = step < 1e-3 ? Math.max(width, height) : 3;
      const at = (side: number): number =>
        Math.round((random.next() * (side + 2 * reach) - reach) / step) * step;
      const ring = () => Array.from({ length: 3 + random.below(most) }, () => [at(width), at(height)]).flat();
      const rings = Array.from({ length: 1 + random.below(3) }, ring).map((one) =>
        one.map((value, n) => Math.min((n % 2 ? height : width) + reach, Math.max(-reach, value))),
      );
      const truth = blank(width, height);
      for (const one of rings) stepByStep(one, truth);
      const found = polygonsToMask(rings, width, height);
      expect(Buffer.compare(found.data, truth.data), JSON.stringify({ rings, width, height })).toBe(0);
    }
  });

  test("of 25,000 corners costs what it crosses, and is kept without being drawn", async () => {
    const random = seededRandom(3);
    let [x, y] = [2000, 2000];
    const ring: number[] = [];
    for (let i = 0; i < 25_000; i++) {
      x = Math.min(4000, Math.max(0, x + (random.next() - 0.5) * 600));
      y = Math.min(4000, Math.max(0, y + (random.next() - 0.5) * 600));
      ring.push(x, y);
    }
    const mask = polygonsToMask([ring], 4000, 4000);
    const kept = await keptMask({ format: "polygon", polygons: [ring] }, [4000, 4000]);
    expect(kept).toEqual({ counts: encodeRle(mask).counts, area: areaOf(mask), box: boxOf(mask) });
  });
});

describe("the share of a mask in low-res cells", () => {
  test.each([
    [300, 400],
    [1024, 1024],
    [37, 64],
    [1, 1],
    [3, 2000],
    [1500, 2],
    [2049, 1111],
  ])("from run lengths is that from pixels: %i x %i", (height, width) => {
    for (const seed of [1, 2]) {
      const mask = seed === 1 ? randomMask(width, height, seed) : blank(width, height);
      if (seed === 2) mask.data.fill(1);
      const rle = encodeRle(mask);
      const [found, truth] = [maskShare(rle), lowResMean(mask.data, [height, width])];
      expect(Buffer.compare(Buffer.from(found.valid.buffer), Buffer.from(truth.valid.buffer))).toBe(0);
      expect(worst(found.mean, truth.mean)).toBeLessThan(1e-6);
      const random = seededRandom(width);
      for (let i = 0; i < 5; i++) {
        const [x0, y0] = [random.below(width), random.below(height)];
        const region: Box = [x0, y0, x0 + 1 + random.below(width - x0), y0 + 1 + random.below(height - y0)];
        const part = cropPlane(Float32Array.from(mask.data), [height, width], region);
        const own = lowResMean(part, [region[3] - region[1], region[2] - region[0]]);
        expect(worst(maskShare(rle, region).mean, own.mean), JSON.stringify(region)).toBeLessThan(1e-6);
      }
    }
  });
});

const worst = (a: Float32Array, b: Float32Array): number =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] as number))), 0);
