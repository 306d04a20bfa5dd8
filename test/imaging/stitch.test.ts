import { describe, expect, it } from "vitest";
import { type AreaLogits, nothing } from "../../src/imaging/area-logits.ts";
import { lowResMean } from "../../src/imaging/coordinates.ts";
import { cropPlane } from "../../src/imaging/crop.ts";
import { logitsFrom, withText } from "../../src/imaging/logits-source.ts";
import { logitsAtSize } from "../../src/imaging/postprocess.ts";
import { resizePlane, resizedArea } from "../../src/imaging/resize-plane.ts";
import { joinedLogits, type RegionLogits, scaledLogits, sizeOf } from "../../src/imaging/stitch.ts";
import type { Box, Size } from "../../src/imaging/types.ts";
import { tilesOf } from "../../src/imaging/windows.ts";
import { readLogits } from "../../src/imaging/wire-mask.ts";

/** All of a window's logits. */
const stitch = (window: Box, views: readonly RegionLogits[]): Float32Array =>
  (joinedLogits(window, views, { threshold: Number.NEGATIVE_INFINITY, room: 1000 }) as AreaLogits).data;

/** Logits of an area as an answer carries them, in all of its image. */
const placedLogits = (part: AreaLogits, size: Size): Float32Array =>
  readLogits(withText(logitsFrom({ ...part, lowRes: null }, size)));

const ring = Float32Array.from({ length: 300 * 200 }, (_, i) => {
  const distance = Math.hypot((i % 300) - 150, Math.floor(i / 300) - 100);
  return distance < 70 && distance > 66 ? 1 : 0;
});
const ringIn = (region: Box): Float32Array => cropPlane(ring, [200, 300], region);

const wrongIn = (logits: Float32Array, window: Box): number => {
  return ringIn(window).reduce((sum, bit, i) => sum + ((logits[i] as number) > 0 === (bit === 1) ? 0 : 1), 0);
};
const seen = (region: Box): RegionLogits => ({
  region,
  fit: "padded",
  lowRes: lowResMean(ringIn(region), [region[3] - region[1], region[2] - region[0]]).mean.map(
    (share) => 16 * (share - 0.5),
  ),
});

describe("stitched tiles", () => {
  it("show a thin ring better than one look at the window, without a seam", () => {
    const window: Box = [60, 10, 240, 190];
    const one = stitch(window, [seen(window)]);
    const four = stitch(window, tilesOf(window, 2).map(seen));
    expect(one).toEqual(logitsAtSize(seen(window).lowRes, [180, 180]));
    expect(wrongIn(four, window)).toBeLessThan(0.5 * wrongIn(one, window) + 1);
  });

  it("are background where no tile is", () => {
    const logits = stitch([0, 0, 100, 100], [seen([0, 0, 60, 100])]);
    expect(logits[99]).toBe(nothing);
  });

  it("are laid into the image at their place", () => {
    const whole = placedLogits({ area: [1, 1, 3, 3], data: Float32Array.from([1, 2, 3, 4]) }, [4, 5]);
    expect(Array.from(cropPlane(whole, [4, 5], [1, 1, 3, 3]))).toEqual([1, 2, 3, 4]);
    expect(whole[0]).toBe(nothing);
    expect(whole).toHaveLength(20);
  });
});

describe("the part of a window that may be foreground", () => {
  const window: Box = [60, 10, 240, 190];
  it.each([1, 2])(
    "has the very logits of the whole window, and all that is above, in %s x %s tiles",
    (tiles) => {
      const views = tilesOf(window, tiles).map(seen);
      const whole = stitch(window, views);
      const found = joinedLogits(window, views, { threshold: 0 });
      if (!found) throw new Error("nothing was found");
      const local: Box = [found.area[0] - 60, found.area[1] - 10, found.area[2] - 60, found.area[3] - 10];
      expect(found.data).toEqual(cropPlane(whole, sizeOf(window), local));
      const above = (plane: Float32Array): number =>
        plane.reduce((sum, value) => sum + (value > 0 ? 1 : 0), 0);
      expect(above(found.data)).toBe(above(whole));
      expect(found.data.length).toBeLessThan(whole.length);
    },
  );

  it("is nothing where all is background, and gets room inside the window alone", () => {
    const none: RegionLogits = {
      region: window,
      fit: "padded",
      lowRes: new Float32Array(256 * 256).fill(-1),
    };
    expect(joinedLogits(window, [none], { threshold: 0 })).toBeNull();
    const all: RegionLogits = { region: window, fit: "padded", lowRes: new Float32Array(256 * 256).fill(1) };
    expect(joinedLogits(window, [all], { threshold: 0, room: 32 })?.area).toEqual(window);
  });

  it("is much the same at a smaller scale and brought back", () => {
    const one = seen(window);
    const small = scaledLogits(one, [120, 120], { threshold: -4, room: 4 });
    if (!small) throw new Error("nothing was found");
    const back = placedLogits(resizedArea(small, [120, 120], window), [200, 300]);
    const plain = placedLogits({ area: window, data: stitch(window, [one]) }, [200, 300]);
    const differ = back.reduce((sum, value, i) => sum + (value > 0 === (plain[i] as number) > 0 ? 0 : 1), 0);
    expect(differ).toBeLessThan(0.1 * plain.reduce((sum, value) => sum + (value > 0 ? 1 : 0), 0));
  });
});

describe("a plane at another size", () => {
  it("keeps a ramp and what is constant", () => {
    const ramp = Float32Array.from({ length: 6 * 4 }, (_, i) => i % 6);
    const twice = resizePlane(ramp, [4, 6], [8, 12]);
    expect(Array.from(twice.slice(0, 12))).toEqual([
      0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3.25, 3.75, 4.25, 4.75, 5,
    ]);
    expect(resizePlane(ramp, [4, 6], [4, 6])).toBe(ramp);
    expect(new Set(resizePlane(new Float32Array(12).fill(7), [3, 4], [2, 9]))).toEqual(new Set([7]));
  });
});
