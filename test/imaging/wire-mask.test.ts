import sharp, { type Channels } from "sharp";
import { describe, expect, test } from "vitest";
import { maskToPng, pngToMask } from "../../src/imaging/mask-png.ts";
import type { BinaryMask, MaskFormat, WireMask } from "../../src/imaging/types.ts";
import { readLogits, readMask, writeLogits, writeMask } from "../../src/imaging/wire-mask.ts";
import { codeOf, errorOf } from "../helpers/codes.ts";
import { noiseImage, asPng, randomMask } from "../worlds/images.ts";

const mask = randomMask(43, 29, 5);
const size = [29, 43] as const;

/** The mask's pixels as sharp takes them: `foreground` where it is 1, zeros elsewhere. */
const raw = ({ width, height, data }: BinaryMask, foreground: Uint8Array | Uint16Array) => {
  const pixels = new (foreground instanceof Uint16Array ? Uint16Array : Uint8Array)(
    data.length * foreground.length,
  );
  for (let i = 0; i < data.length; i++) if (data[i] === 1) pixels.set(foreground, i * foreground.length);
  return sharp(pixels, { raw: { width, height, channels: foreground.length as Channels } });
};

const png = (bytes: Buffer) => ({ format: "png" as const, data: bytes.toString("base64") });

describe("a mask on the wire", () => {
  test.each<Exclude<MaskFormat, "logits">>(["rle", "polygon", "png"])(
    "comes back the same as %s",
    async (format) => {
      expect(await readMask(await writeMask(mask, format), size)).toEqual(mask);
    },
  );

  test("comes back from logits, above 0", async () => {
    const logits = Float32Array.from(mask.data, (value) => (value === 1 ? 0.25 : 0));
    const wire = writeLogits(logits, size);
    expect(readLogits(wire)).toEqual(logits);
    expect(await readMask(wire, size)).toEqual(mask);
  });

  test.each<[string, () => Promise<WireMask> | WireMask]>([
    ["rle", () => writeMask(mask, "rle")],
    ["png", () => writeMask(mask, "png")],
    ["logits", () => writeLogits(new Float32Array(29 * 43), size)],
  ])("of another size than the image is refused as %s", async (_format, make) => {
    const wire = await make();
    const error = await errorOf(() => readMask(wire, [43, 29]));
    expect(error?.code).toBe("mask_size_mismatch");
    expect(error?.param).toBe("mask");
  });

  test.each<Exclude<MaskFormat, "logits">>(["rle", "png"])(
    "without foreground is refused as %s",
    async (format) => {
      const empty = { width: 43, height: 29, data: new Uint8Array(43 * 29) };
      const wire = await writeMask(empty, format);
      expect(await codeOf(() => readMask(wire, size))).toBe("mask_empty");
    },
  );

  test("a polygon beside the image is an empty mask", async () => {
    const wire = { format: "polygon" as const, polygons: [[44, 30, 50, 30, 50, 35]] };
    expect(await codeOf(() => readMask(wire, size))).toBe("mask_empty");
  });

  test("names the field at fault", async () => {
    const rle = await errorOf(() => readMask({ format: "rle", size: [29, 43], counts: "oops" }, size));
    expect([rle?.code, rle?.param]).toEqual(["mask_rle_invalid", "mask.counts"]);
    const polygon = await errorOf(() =>
      readMask(
        {
          format: "polygon",
          polygons: [
            [0, 0, 9, 0, 9, 9],
            [1, 2, 3],
          ],
        },
        size,
      ),
    );
    expect([polygon?.code, polygon?.param]).toEqual(["mask_polygon_invalid", "mask.polygons[1]"]);
  });

  test.each([
    ["too short", { ...writeLogits(new Float32Array(29 * 43), size), data: "AAAA" }],
    ["too long", { ...writeLogits(new Float32Array(29 * 43 * 3), size) }],
    ["not finite", writeLogits(new Float32Array(29 * 43).fill(Number.NaN), size)],
  ])("logits that are %s are refused", async (_what, wire) => {
    expect(await codeOf(() => readMask(wire, size))).toBe("mask_logits_invalid");
  });
});

describe("a PNG mask", () => {
  test.each([
    ["8-bit grey", () => raw(mask, Uint8Array.of(255)).toColourspace("b-w").png()],
    [
      "1-bit grey or palette",
      () => raw(mask, Uint8Array.of(255, 255, 255)).png({ palette: true, colours: 2 }),
    ],
    ["8-bit RGB", () => raw(mask, Uint8Array.of(255, 255, 255)).png()],
    ["white on transparent", () => raw(mask, Uint8Array.of(255, 255, 255, 255)).png()],
    ["16-bit grey", () => raw(mask, Uint16Array.of(65_535)).toColourspace("grey16").png()],
  ])("as %s is read", async (_what, make) => {
    expect(await pngToMask(await make().toBuffer())).toEqual(mask);
  });

  test("our own is 8-bit grey", async () => {
    const { channels, depth } = await sharp(await maskToPng(mask)).metadata();
    expect([channels, depth]).toEqual([1, "uchar"]);
  });

  test("with grey values is refused, naming one and its place", async () => {
    const data = new Uint8Array(12);
    data[5] = 255;
    data[6] = 128;
    const bytes = await sharp(data, { raw: { width: 4, height: 3, channels: 1 } })
      .toColourspace("b-w")
      .png()
      .toBuffer();
    const error = await errorOf(() => readMask(png(bytes), [3, 4]));
    expect([error?.code, error?.param]).toEqual(["mask_not_binary", "mask.data"]);
    expect(error?.message).toContain("(2, 1)");
    expect(error?.message).toContain("128");
  });

  test.each([
    ["0 and 1", () => raw(mask, Uint8Array.of(1)).toColourspace("b-w").png()],
    ["a coloured palette", () => raw(mask, Uint8Array.of(200, 30, 30)).png({ palette: true })],
    [
      "a photograph",
      () => sharp(noiseImage(43, 29, 1).data, { raw: { width: 43, height: 29, channels: 3 } }).png(),
    ],
  ])("of %s is refused", async (_what, make) => {
    const bytes = await make().toBuffer();
    expect(await codeOf(() => pngToMask(bytes))).toBe("mask_not_binary");
  });

  test("that is no PNG, or only the start of one, is refused", async () => {
    const jpeg = await sharp(await asPng(noiseImage(43, 29, 1)))
      .jpeg()
      .toBuffer();
    expect(await codeOf(() => pngToMask(jpeg))).toBe("mask_png_invalid");
    expect(await codeOf(() => pngToMask(new Uint8Array(0)))).toBe("mask_png_invalid");
    const whole = await maskToPng(randomMask(300, 300, 2));
    expect(await codeOf(() => pngToMask(whole.subarray(0, whole.length / 2)))).toBe("mask_png_invalid");
  });
});
