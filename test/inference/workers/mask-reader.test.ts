import { afterAll, beforeAll, describe, expect, test } from "vitest";
import sharp from "sharp";
import { keptMask } from "../../../src/imaging/kept-mask.ts";
import { iou } from "../../../src/imaging/metrics.ts";
import { polygonsToMask } from "../../../src/imaging/polygons.ts";
import { encodeRle } from "../../../src/imaging/rle.ts";
import type { WireMask } from "../../../src/imaging/types.ts";
import { writeMask } from "../../../src/imaging/wire-mask.ts";
import { createMaskReader, maskCost, type MaskReader } from "../../../src/inference/workers/mask-reader.ts";
import { Pictures } from "../../../src/inference/pictures/pictures.ts";
import { createMemoryBudget } from "../../../src/lib/memory-budget.ts";
import { errorOf } from "../../helpers/codes.ts";
import { randomMask } from "../../worlds/images.ts";

const memory = createMemoryBudget(64 * 2 ** 20);
const pictures = new Pictures(4_000_000);
let reader: MaskReader;
beforeAll(() => {
  reader = createMaskReader(memory, pictures);
});
afterAll(async () => {
  await reader.close();
  await pictures.close();
});

describe("masks that requests carry", () => {
  const zigzag = Array.from({ length: 60 }, (_, i) => [i % 2 === 0 ? 0.5 : 1099, 15 * i]).flat();
  const drawn = polygonsToMask([zigzag], 1100, 900);
  test.each(["rle", "polygon", "png"] as const)(
    "as %s are the same from the reader's thread as here",
    async (format) => {
      const mask = format === "polygon" ? drawn : randomMask(1100, 900, 3);
      const wire: WireMask =
        format === "polygon" ? { format, polygons: [zigzag] } : await writeMask(mask, format);
      const read = await reader.keep({ wire, size: [900, 1100] }, "a");
      expect(read).toEqual({ ...(await keptMask(encodeRle(mask), [900, 1100])), inBox: true });
      expect(memory.used).toBe(0);
    },
  );

  test("are held to a box that goes with them", async () => {
    const mask = randomMask(20, 20, 1);
    mask.data.fill(0);
    mask.data[5 * 20 + 7] = 1;
    const wire = encodeRle(mask);
    const inBox = async (box: [number, number, number, number]) =>
      (await reader.keep({ wire, size: [20, 20], box }, "a")).inBox;
    expect(await inBox([7.9, 5.9, 9, 9])).toBe(true);
    expect(await inBox([8, 0, 20, 20])).toBe(false);
    expect(await inBox([0, 6, 20, 20])).toBe(false);
    expect(await inBox([0, 0, 7, 20])).toBe(false);
  });

  test("are compared there, too", async () => {
    const [a, b] = [randomMask(900, 700, 1), randomMask(900, 700, 2)];
    expect(await reader.iou(encodeRle(a), encodeRle(b))).toBeCloseTo(iou(a, b), 12);
  });

  test("fail as they do here, and where they would take too much", async () => {
    const broken = {
      format: "rle" as const,
      size: [900, 900] as [number, number],
      counts: "0".repeat(50_000),
    };
    expect(await errorOf(() => reader.keep({ wire: broken, size: [900, 900] }, "a"))).toMatchObject({
      code: "mask_rle_invalid",
      param: "mask.counts",
    });
    const deep = await sharp({ create: { width: 4000, height: 4000, channels: 4, background: "#fff" } })
      .png()
      .toBuffer();
    const wire = { format: "png" as const, data: deep.toString("base64") };
    expect(maskCost({ wire, size: [4000, 4000] })).toBeGreaterThan(6 * 4000 * 4000);
    expect(await errorOf(() => reader.keep({ wire, size: [4000, 4000] }, "a"))).toMatchObject({
      code: "memory_exceeded",
      param: "mask",
    });
  });
});
