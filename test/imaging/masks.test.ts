import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { areaOf } from "../../src/imaging/geometry.ts";
import { maskToPolygons, polygonsToMask } from "../../src/imaging/polygons.ts";
import { decodeRle, encodeRle } from "../../src/imaging/rle.ts";
import type { BinaryMask } from "../../src/imaging/types.ts";
import { randomMask } from "../worlds/images.ts";
import { lcgBytes } from "../helpers/lcg.ts";
import { codeOf } from "../helpers/codes.ts";

interface Reference {
  masks: { seed: number; size: [number, number]; threshold: number; block?: number[]; counts: string }[];
  polygons: { size: [number, number]; polygons: number[][]; counts: string }[];
}

const reference = JSON.parse(
  readFileSync(new URL("reference/coco-masks.json", import.meta.url), "utf8"),
) as Reference;

function referenceMask({
  seed,
  size: [height, width],
  threshold,
  block,
}: Reference["masks"][number]): BinaryMask {
  if (!block)
    return { width, height, data: lcgBytes(height * width, seed).map((byte) => (byte >= threshold ? 1 : 0)) };
  const data = new Uint8Array(height * width);
  for (let y = block[1] as number; y < (block[3] as number); y++)
    data.fill(1, y * width + (block[0] as number), y * width + (block[2] as number));
  return { width, height, data };
}

describe("run lengths", () => {
  test.each(reference.masks)("equal pycocotools' for a $size mask, both ways", (entry) => {
    const mask = referenceMask(entry);
    expect(encodeRle(mask)).toEqual({ format: "rle", size: entry.size, counts: entry.counts });
    const rle = { format: "rle", size: entry.size, counts: entry.counts } as const;
    expect(Buffer.compare(decodeRle(rle).data, mask.data)).toBe(0);
  });

  const good = encodeRle(randomMask(20, 30, 1));
  test.each([
    ["one run short", { ...good, counts: good.counts.slice(0, -1) }],
    ["more than its size", { ...good, size: [30, 19] as [number, number] }],
    ["less than its size", { ...good, size: [30, 21] as [number, number] }],
    ["a character outside COCO's", { ...good, counts: ` ${good.counts}` }],
    ["a character beyond latin", { ...good, counts: `${good.counts}\u{1f600}` }],
    ["a negative run", { format: "rle" as const, size: [2, 2] as [number, number], counts: "O" }],
    ["a huge run", { ...good, counts: "oooooooooo1" }],
    ["a run that never ends", { ...good, counts: "o".repeat(64) }],
    ["nothing", { ...good, counts: "" }],
    ["a size that would take all memory", { ...good, size: [2 ** 20, 2 ** 20] as [number, number] }],
    ["a fractional size", { ...good, size: [30.5, 20] as [number, number] }],
    ["a size of zero", { ...good, size: [0, 20] as [number, number] }],
  ])("with %s are refused", async (_what, rle) => {
    expect(await codeOf(() => decodeRle(rle))).toBe("mask_rle_invalid");
  });
});

describe("polygons", () => {
  test.each(reference.polygons)(
    "in $size are rasterised as pycocotools does",
    ({ size, polygons, counts }) => {
      expect(encodeRle(polygonsToMask(polygons, size[1], size[0])).counts).toBe(counts);
    },
  );

  test("several rings are their union, also where they overlap", () => {
    const mask = polygonsToMask(
      [
        [0, 0, 10, 0, 10, 10, 0, 10],
        [5, 5, 15, 5, 15, 15, 5, 15],
      ],
      20,
      20,
    );
    expect(areaOf(mask)).toBe(175);
  });

  test.each([1, 2, 3, 4, 5])("give back the very same mask %i, holes and specks and all", (seed) => {
    const mask = randomMask(97, 61, seed);
    const polygons = maskToPolygons(mask);
    expect(polygonsToMask(polygons, 97, 61)).toEqual(mask);
  });

  test("a region with holes is one ring", () => {
    const data = new Uint8Array(100).fill(1);
    for (const hole of [22, 25, 77]) data[hole] = 0;
    const polygons = maskToPolygons({ width: 10, height: 10, data });
    expect(polygons).toHaveLength(1);
    expect(polygonsToMask(polygons, 10, 10).data).toEqual(data);
  });

  test("a full mask is the image's own outline, an empty one has no ring", () => {
    const full = maskToPolygons({ width: 4, height: 3, data: new Uint8Array(12).fill(1) });
    expect(full).toHaveLength(1);
    expect(new Set(full[0])).toEqual(new Set([0, 3, 4]));
    expect(full[0]).toHaveLength(8);
    expect(maskToPolygons({ width: 4, height: 3, data: new Uint8Array(12) })).toEqual([]);
  });

  test.each([
    ["an odd count", [[0, 0, 5, 0, 5]]],
    ["two points", [[0, 0, 5, 5]]],
    ["NaN", [[0, 0, 5, 0, 5, Number.NaN]]],
    ["infinity", [[0, 0, 5, 0, Number.POSITIVE_INFINITY, 5]]],
    ["a point far outside", [[0, 0, 5, 0, 1e12, 5]]],
    ["no ring", []],
    ["edges without end", [Array.from({ length: 4_000_000 }, (_, i) => (i % 4 < 2 ? 0 : 20))]],
  ])("with %s are refused", async (_what, polygons) => {
    expect(await codeOf(() => polygonsToMask(polygons, 20, 20))).toBe("mask_polygon_invalid");
  });
});
