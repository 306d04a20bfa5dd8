import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import sharp from "sharp";
import { decodeImage } from "../../../src/imaging/decode.ts";
import { resizedImage } from "../../../src/imaging/preprocess.ts";
import { Pictures } from "../../../src/inference/pictures/pictures.ts";
import { sha256 } from "../../../src/lib/hash.ts";
import { errorOf } from "../../helpers/codes.ts";
import { asPng, noiseImage } from "../../worlds/images.ts";

const maxPixels = 1_000_000;
const pictures = new Pictures(maxPixels);
afterAll(() => pictures.close());

describe("pictures that a child process decodes", () => {
  test("are the same as decoded here: pixels, what the encoder sees, a thumbnail", async () => {
    const bytes = await asPng(noiseImage(1100, 90, 4));
    const { width, height, data } = await decodeImage(bytes, { maxPixels });
    const pixels = await pictures.pixels(bytes);
    expect(pixels).toMatchObject({ width, height });
    expect(Buffer.from(pixels.data).equals(Buffer.from(data))).toBe(true);
    const { resized, ...sides } = await pictures.resized({ bytes, sha256: sha256(bytes) });
    const expected = resizedImage({ width, height, data });
    expect(sides).toEqual({ width: 1100, height: 90 });
    expect([resized.width, resized.height]).toEqual([1024, expected.height]);
    expect(Buffer.from(resized.data).equals(Buffer.from(expected.data))).toBe(true);
    const { format, width: shown } = await sharp(await pictures.thumbnail(bytes, 64)).metadata();
    expect([format, shown]).toEqual(["webp", 64]);
  });

  test("are those that were asked for", async () => {
    const bytes = await asPng(noiseImage(40, 40, 5));
    await expect(pictures.resized({ bytes, sha256: sha256(Buffer.from("others")) })).rejects.toThrow(
      "are not those of",
    );
  });

  test("are refused by their first bytes where they are none, and no child sees them", async () => {
    const crashing = new Pictures(maxPixels, new URL("./crashing-child.ts", import.meta.url));
    const folder = await mkdtemp(join(tmpdir(), "maskwright-test-"));
    const path = join(folder, "none");
    try {
      await writeFile(path, Buffer.alloc(1000, "%PDF-1.7 "));
      for (const [file, code] of [
        [Buffer.alloc(1000), "image_format_unsupported"],
        [Buffer.alloc(0), "image_empty"],
        [path, "image_format_unsupported"],
      ] as const)
        expect(await errorOf(() => crashing.facts(file))).toMatchObject({ code });
      expect(await errorOf(() => crashing.pixels(Buffer.from("no picture")))).toMatchObject({
        code: "image_format_unsupported",
      });
    } finally {
      await crashing.close();
      await rm(folder, { recursive: true });
    }
  });

  test("that crash their decoder are refused by the reason, and the next has another", async () => {
    const crashing = new Pictures(maxPixels, new URL("./crashing-child.ts", import.meta.url));
    const bytes = await asPng(noiseImage(40, 40, 6));
    try {
      for (let i = 0; i < 2; i++) {
        expect(await errorOf(() => crashing.facts(bytes))).toMatchObject({
          code: "image_unreadable",
          message: "the image can't be read: the process that read it ended by itself (SIGABRT)",
        });
      }
      expect(
        await errorOf(() => crashing.mask({ wire: { format: "png", data: "" }, size: [8, 8] })),
      ).toMatchObject({
        code: "mask_png_invalid",
        message: "the mask can't be read: the process that read it ended by itself (SIGABRT)",
      });
    } finally {
      await crashing.close();
    }
  });
});
