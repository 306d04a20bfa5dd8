import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { decodeImage } from "../../src/imaging/decode.ts";
import type { RgbImage } from "../../src/imaging/types.ts";
import { codeOf, errorOf } from "../helpers/codes.ts";
import { asPng, asSharp, noiseImage } from "../worlds/images.ts";

const source = noiseImage(64, 48, 3);
const limits = { maxPixels: 1_000_000 };
const decode = (bytes: Uint8Array) => decodeImage(bytes, limits);

const meanDifference = (a: RgbImage, b: RgbImage): number =>
  a.data.reduce((sum, value, i) => sum + Math.abs(value - (b.data[i] as number)), 0) / a.data.length;

/** The image with x mirrored or axes swapped, for the eight EXIF orientations. */
function oriented(
  { width, height, data }: RgbImage,
  at: (x: number, y: number) => [number, number],
  swap: boolean,
): RgbImage {
  const [w, h] = swap ? [height, width] : [width, height];
  const out = new Uint8Array(data.length);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const [sx, sy] = at(x, y);
      out.set(data.subarray((sy * width + sx) * 3, (sy * width + sx) * 3 + 3), (y * w + x) * 3);
    }
  }
  return { width: w, height: h, data: out };
}

describe("an image is read from", () => {
  test.each([
    ["png", () => asSharp(source).png()],
    ["png", () => asSharp(source).png({ progressive: true })],
    ["webp", () => asSharp(source).webp({ lossless: true })],
    ["tiff", () => asSharp(source).tiff({ compression: "none" })],
    ["tiff", () => asSharp(source).tiff({ compression: "lzw", predictor: "horizontal" })],
    [
      "tiff",
      () => asSharp(source).tiff({ compression: "deflate", tile: true, tileWidth: 32, tileHeight: 32 }),
    ],
    ["tiff", () => asSharp(source).tiff({ compression: "none", bigtiff: true })],
  ])("lossless %s, pixel for pixel", async (format, make) => {
    const image = await decode(await make().toBuffer());
    expect(image).toMatchObject({ width: 64, height: 48, format, orientation: 1, pages: 1 });
    expect(Buffer.compare(image.data, source.data)).toBe(0);
  });

  test.each([
    ["jpeg", () => asSharp(source).jpeg({ quality: 95, chromaSubsampling: "4:4:4" })],
    ["jpeg", () => asSharp(source).jpeg({ quality: 95, progressive: true })],
    ["webp", () => asSharp(source).webp({ quality: 95 })],
  ])("lossy %s, nearly so", async (format, make) => {
    const image = await decode(await make().toBuffer());
    expect([image.format, image.width, image.height]).toEqual([format, 64, 48]);
    expect(meanDifference(image, source)).toBeLessThan(9);
  });

  test("grey, repeated in R, G and B", async () => {
    const grey = source.data.filter((_, i) => i % 3 === 0);
    const bytes = await sharp(grey, { raw: { width: 64, height: 48, channels: 1 } })
      .toColourspace("b-w")
      .png()
      .toBuffer();
    expect((await sharp(bytes).metadata()).channels).toBe(1);
    const image = await decode(bytes);
    expect(Array.from(image.data)).toEqual(Array.from(source.data, (_, i) => grey[Math.floor(i / 3)]));
  });

  test.each([
    ["png", {}],
    ["tiff", { compression: "lzw" }],
  ] as const)("16-bit %s, its upper 8 bits", async (format, options) => {
    const deep = Uint16Array.from(source.data, (value, i) => value * 256 + ((i * 37) % 256));
    const bytes = await sharp(deep, { raw: { width: 64, height: 48, channels: 3 } })
      .toColourspace("rgb16")
      .toFormat(format, options)
      .toBuffer();
    expect((await sharp(bytes).metadata()).depth).toBe("ushort");
    const image = await decode(bytes);
    expect(Buffer.compare(image.data, source.data)).toBe(0);
  });

  test("16-bit grey", async () => {
    const deep = Uint16Array.from({ length: 64 * 48 }, (_, i) => (i * 21) % 65_536);
    const bytes = await sharp(deep, { raw: { width: 64, height: 48, channels: 1 } })
      .toColourspace("grey16")
      .png()
      .toBuffer();
    expect(await sharp(bytes).metadata()).toMatchObject({ depth: "ushort", channels: 1 });
    const image = await decode(bytes);
    expect(Array.from(image.data.filter((_, i) => i % 3 === 1))).toEqual(
      Array.from(deep, (value) => value >> 8),
    );
  });

  test("a palette", async () => {
    const flat = {
      width: 32,
      height: 16,
      data: new Uint8Array(32 * 16 * 3).map((_, i) => (i % 3 === 0 ? 200 : 40)),
    };
    const bytes = await asSharp(flat).png({ palette: true }).toBuffer();
    expect((await sharp(bytes).metadata()).isPalette).toBe(true);
    expect(Buffer.compare((await decode(bytes)).data, flat.data)).toBe(0);
  });

  test("CMYK, as sRGB", async () => {
    const red = {
      width: 32,
      height: 16,
      data: new Uint8Array(32 * 16 * 3).map((_, i) => (i % 3 === 0 ? 210 : 50)),
    };
    const bytes = await asSharp(red)
      .toColourspace("cmyk")
      .jpeg({ quality: 100, chromaSubsampling: "4:4:4" })
      .toBuffer();
    expect((await sharp(bytes).metadata()).channels).toBe(4);
    const image = await decode(bytes);
    expect(image.data).toHaveLength(red.data.length);
    expect(meanDifference(image, red)).toBeLessThan(20);
  });

  test("alpha, over white", async () => {
    const data = new Uint8Array(16 * 16 * 4).map((_, i) => [10, 20, 30, 0][i % 4] as number);
    data.set([10, 20, 30, 255], 0);
    const bytes = await sharp(data, { raw: { width: 16, height: 16, channels: 4 } })
      .png()
      .toBuffer();
    const image = await decode(bytes);
    expect(Array.from(image.data.subarray(0, 6))).toEqual([10, 20, 30, 255, 255, 255]);
    expect(image.data).toHaveLength(16 * 16 * 3);
  });

  test("16-bit alpha, over white too", async () => {
    const data = new Uint16Array(16 * 16 * 4).map((_, i) => [2560, 5120, 7680, 0][i % 4] as number);
    data.set([2560, 5120, 7680, 65_535], 0);
    const bytes = await sharp(data, { raw: { width: 16, height: 16, channels: 4 } })
      .toColourspace("rgb16")
      .png()
      .toBuffer();
    expect((await sharp(bytes).metadata()).depth).toBe("ushort");
    const image = await decode(bytes);
    expect(Array.from(image.data.subarray(0, 6))).toEqual([10, 20, 30, 255, 255, 255]);
  });
});

describe("EXIF orientation", () => {
  const { width: w, height: h } = source;
  const cases: [number, (x: number, y: number) => [number, number], boolean][] = [
    [1, (x, y) => [x, y], false],
    [2, (x, y) => [w - 1 - x, y], false],
    [3, (x, y) => [w - 1 - x, h - 1 - y], false],
    [4, (x, y) => [x, h - 1 - y], false],
    [5, (x, y) => [y, x], true],
    [6, (x, y) => [y, h - 1 - x], true],
    [7, (x, y) => [w - 1 - y, h - 1 - x], true],
    [8, (x, y) => [w - 1 - y, x], true],
  ];
  test.each(cases)("%i is applied", async (orientation, at, swap) => {
    const bytes = await asSharp(source).withMetadata({ orientation }).png().toBuffer();
    const { format: _format, ...image } = await decode(bytes);
    const expected = oriented(source, at, swap);
    expect([image.width, image.height]).toEqual([expected.width, expected.height]);
    expect(Buffer.compare(image.data, expected.data)).toBe(0);
  });
});

describe("an image is refused", () => {
  const big = noiseImage(400, 300, 8);

  test("when it is empty, or no image, or of another kind", async () => {
    expect(await codeOf(() => decode(new Uint8Array(0)))).toBe("image_empty");
    expect(await codeOf(() => decode(Buffer.from("hello, this is text")))).toBe("image_format_unsupported");
    expect(
      await codeOf(() =>
        decode(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="50" height="50"/>')),
      ),
    ).toBe("image_format_unsupported");
    const photoshop = Buffer.from("8BPS\0\x01\0\0\0\0\0\0", "latin1");
    await expect(decode(photoshop)).rejects.toThrow(/the content is Photoshop; save it as PNG/);
  });

  test.each([
    ["png", () => asSharp(big).png()],
    ["jpeg", () => asSharp(big).jpeg()],
    ["jpeg", () => asSharp(big).jpeg({ progressive: true })],
    ["webp", () => asSharp(big).webp()],
    ["webp", () => asSharp(big).webp({ lossless: true })],
    ["tiff", () => asSharp(big).tiff({ compression: "none" })],
    ["tiff", () => asSharp(big).tiff({ compression: "lzw" })],
    ["tiff", () => asSharp(big).tiff({ compression: "jpeg" })],
  ])("when a %s ends too early", async (_format, make) => {
    const bytes = await make().toBuffer();
    for (const share of [0.3, 0.6, 0.95]) {
      const cut = bytes.subarray(0, Math.floor(bytes.length * share));
      expect(await codeOf(() => decode(cut))).toBe("image_truncated");
    }
  });

  test("when rows are missing from a TIFF whose directory comes first", async () => {
    const [width, height] = [40, 30];
    const tags = [
      [256, 4, 1, width],
      [257, 4, 1, height],
      [258, 3, 1, 8],
      [259, 3, 1, 1],
      [262, 3, 1, 1],
      [273, 4, 1, 122],
      [277, 3, 1, 1],
      [278, 4, 1, height],
      [279, 4, 1, width * height],
    ] as const;
    const head = Buffer.alloc(122);
    head.write("II*\0", "latin1");
    head.writeUInt32LE(8, 4);
    head.writeUInt16LE(tags.length, 8);
    for (const [i, [tag, type, count, value]] of tags.entries()) {
      const at = 10 + 12 * i;
      head.writeUInt16LE(tag, at);
      head.writeUInt16LE(type, at + 2);
      head.writeUInt32LE(count, at + 4);
      head.writeUInt32LE(value, at + 8);
    }
    const bytes = Buffer.concat([head, Buffer.alloc(width * height, 128)]);
    expect(await decode(bytes)).toMatchObject({ width, height });
    expect(await codeOf(() => decode(bytes.subarray(0, bytes.length / 2)))).toBe("image_truncated");
  });

  test("when its inside is damaged", async () => {
    const bytes = await asPng(big);
    // The header's checksum and sizes no longer fit.
    bytes.fill(0xee, 16, 33);
    expect(await codeOf(() => decode(bytes))).toBe("image_unreadable");
  });

  test.each(["jpeg", "webp", "tiff"] as const)("when it has too many pixels: %s", async (format) => {
    const create = { width: 2000, height: 2000, channels: 3, background: "white" } as const;
    const whole = await sharp({ create }).toFormat(format).toBuffer();
    expect(await codeOf(() => decodeImage(whole, { maxPixels: 3_999_999 }))).toBe("image_too_many_pixels");
  });

  test("when it has too many pixels, by its header alone", async () => {
    // 100 megapixels of white: 100 kB as a file, 300 MB unpacked.
    const bomb = await sharp({ create: { width: 10_000, height: 10_000, channels: 3, background: "white" } })
      .png()
      .toBuffer();
    const error = await errorOf(() => decodeImage(bomb, { maxPixels: 64_000_000 }));
    expect(error?.code).toBe("image_too_many_pixels");
    // Even its header is enough: the pixels are never looked at.
    expect(await codeOf(() => decodeImage(bomb.subarray(0, 200), { maxPixels: 64_000_000 }))).toBe(
      "image_too_many_pixels",
    );
  });

  test("when it is too small", async () => {
    const bytes = await asPng(noiseImage(64, 7, 1));
    expect(await codeOf(() => decode(bytes))).toBe("image_too_small");
    expect(await codeOf(async () => decode(await asPng(noiseImage(8, 8, 1))))).toBe(null);
  });
});
