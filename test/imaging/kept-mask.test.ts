import { describe, expect, it } from "vitest";
import { areaOf, boxOf } from "../../src/imaging/geometry.ts";
import { keptMask } from "../../src/imaging/kept-mask.ts";
import { decodeRle, encodeRle, packCounts } from "../../src/imaging/rle.ts";
import type { BinaryMask } from "../../src/imaging/types.ts";
import { writeMask } from "../../src/imaging/wire-mask.ts";
import { lcgBytes } from "../helpers/lcg.ts";

/** Noise, or so many pixels in a row of one colour. */
function noise(seed: number, width: number, height: number, run: number): BinaryMask {
  const data = new Uint8Array(width * height);
  let value = 0;
  for (const [i, byte] of lcgBytes(data.length, seed).entries()) {
    if (byte < 256 / run) value = 1 - value;
    data[i] = value;
  }
  data[seed % data.length] = 1;
  return { width, height, data };
}

const rle = (size: [number, number], runs: number[]) => ({
  format: "rle" as const,
  size,
  counts: packCounts(runs),
});

describe("a mask as it is kept", () => {
  it("is measured off its run lengths as off its pixels", async () => {
    for (let seed = 0; seed < 60; seed++) {
      const mask = noise(seed, 3 + (seed % 17), 1 + (seed % 13), 1 + (seed % 9));
      const box = boxOf(mask);
      expect(await keptMask(encodeRle(mask), [mask.height, mask.width])).toEqual({
        counts: encodeRle(mask).counts,
        area: areaOf(mask),
        box,
      });
    }
  });

  it("is the same whatever format it came in", async () => {
    const mask = noise(5, 40, 30, 200);
    const size = [30, 40] as const;
    const kept = await keptMask(encodeRle(mask), size);
    expect(await keptMask(await writeMask(mask, "png"), size)).toEqual(kept);
    expect(await keptMask(await writeMask(mask, "polygon"), size)).toEqual(kept);
  });

  it("has no runs without a pixel, however many came", async () => {
    for (const runs of [
      [0, 0, 3, 2, 0, 0, 4, 1, 2],
      [0, 4, 0, 4, 0, 0, 4],
      [3, 1, 0, 0, 0, 2, 6, 0],
      [0, 12],
      [5, 0, 0, 0, 0, 7, 0],
    ]) {
      const sent = rle([4, 3], runs);
      const mask = decodeRle(sent);
      expect(await keptMask(sent, [4, 3])).toEqual({
        counts: encodeRle(mask).counts,
        area: areaOf(mask),
        box: boxOf(mask),
      });
    }
  });

  it.each([
    ["another size", rle([3, 4], [0, 12]), "mask_size_mismatch mask"],
    ["no pixel", rle([4, 3], [12]), "mask_empty mask"],
    ["no pixel, in runs", rle([4, 3], [12, 0]), "mask_empty mask"],
    ["too many pixels", rle([4, 3], [6, 7]), "mask_rle_invalid mask.counts"],
    ["a cut text", { ...rle([4, 3], [0, 12]), counts: "p" }, "mask_rle_invalid mask.counts"],
  ])("is refused with %s", async (_, sent, error) => {
    await expect(keptMask(sent, [4, 3])).rejects.toSatisfy(
      ({ code, param }: { code: string; param?: string }) => [code, param].join(" ") === error,
    );
  });
});
