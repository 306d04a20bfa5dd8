import type { Sharp } from "sharp";
import { describe, expect, test } from "vitest";
import { decodeBytes, decodeImage } from "../../src/imaging/decode.ts";
import { lookBytes, lookThrough } from "../../src/imaging/look-through.ts";
import { codeOf } from "../helpers/codes.ts";
import { asSharp, noiseImage } from "../worlds/images.ts";

const image = noiseImage(320, 200, 3);
const limits = { maxPixels: 1_000_000 };
const plain = (): Sharp => asSharp(image);

const kinds: readonly (readonly [name: string, picture: () => Sharp])[] = [
  ["a JPEG", () => plain().jpeg()],
  ["a JPEG that is turned", () => plain().withMetadata({ orientation: 6 }).jpeg()],
  ["a progressive JPEG", () => plain().jpeg({ progressive: true })],
  ["a JPEG in CMYK", () => plain().toColourspace("cmyk").jpeg()],
  ["a grey PNG", () => plain().toColourspace("b-w").png()],
  ["a PNG of 16 bits", () => plain().toColourspace("rgb16").png()],
  ["an interlaced PNG with transparency", () => plain().ensureAlpha(0.5).png({ progressive: true })],
  ["a WebP", () => plain().webp()],
  ["a TIFF", () => plain().tiff({ compression: "lzw" })],
];

describe("a picture that is looked through is what it is decoded to", () => {
  test.each(kinds)("%s", async (_, picture) => {
    const bytes = await picture().toBuffer();
    const { width, height, format, reading } = await decodeImage(bytes, limits);
    expect(await lookThrough(bytes, limits)).toEqual({ width, height, format, reading });
    expect(await lookBytes(bytes, limits)).toBeLessThanOrEqual(await decodeBytes(bytes, limits));
    expect(await codeOf(() => lookThrough(bytes, { maxPixels: 63_999 }))).toBe("image_too_many_pixels");
    for (const share of [0.3, 0.6, 0.95]) {
      const cut = bytes.subarray(0, Math.floor(bytes.length * share));
      expect(await codeOf(() => lookThrough(cut, limits))).toBe(await codeOf(() => decodeImage(cut, limits)));
    }
  });

  test("one whose inside is damaged", async () => {
    const bytes = await plain().png().toBuffer();
    bytes.fill(7, 50_000, 52_000);
    expect(await codeOf(() => lookThrough(bytes, limits))).toBe(
      await codeOf(() => decodeImage(bytes, limits)),
    );
  });

  test("none at all", async () => {
    expect(await codeOf(() => lookThrough(Buffer.from("no picture"), limits))).toBe(
      "image_format_unsupported",
    );
    expect(await codeOf(() => lookThrough(Buffer.alloc(0), limits))).toBe("image_empty");
  });
});
