import sharp, { type Sharp } from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { decodeImage } from "../../src/imaging/decode.ts";
import { checkJpeg } from "../../src/imaging/jpeg-check.ts";
import { checkPng } from "../../src/imaging/png-reader.ts";
import { quickFacts } from "../../src/imaging/quick-facts.ts";
import { seededRandom } from "../../src/lib/random.ts";

const limits = { maxPixels: 1_000_000 };
const [width, height] = [83, 61];
/** A picture with much in it. */
let picture: Sharp;

beforeAll(() => {
  const random = seededRandom(5);
  const data = Uint8Array.from({ length: width * height * 3 }, () => random.below(256));
  picture = sharp(data, { raw: { width, height, channels: 3 } }).blur(1);
});

const factsOf = async (bytes: Uint8Array) => {
  const { data: _, ...facts } = await decodeImage(bytes, limits);
  return facts;
};

describe("the facts of a picture without its pixels", () => {
  it.each([
    ["subsampled", () => picture.clone().jpeg({ quality: 80 })],
    ["not subsampled", () => picture.clone().jpeg({ quality: 97, chromaSubsampling: "4:4:4" })],
    ["grey", () => picture.clone().greyscale().jpeg()],
    ["with the usual codes", () => picture.clone().jpeg({ optimiseCoding: false })],
    ["turned by EXIF", () => picture.clone().withMetadata({ orientation: 6 }).jpeg()],
    ["a PNG", () => picture.clone().png()],
    ["a PNG with a palette", () => picture.clone().png({ palette: true })],
    ["a transparent PNG", () => picture.clone().ensureAlpha(0.5).png({ adaptiveFiltering: true })],
  ])("are a decoder's: %s", async (_, made) => {
    const bytes = await made().toBuffer();
    const quick = await quickFacts(bytes, limits);
    expect(quick).not.toBeNull();
    expect(quick).toEqual(await factsOf(bytes));
  });

  it.each([
    ["progressive", () => picture.clone().jpeg({ progressive: true })],
    ["CMYK", () => picture.clone().toColourspace("cmyk").jpeg()],
    ["an interlaced PNG", () => picture.clone().png({ progressive: true })],
    ["a PNG of 16 bits", () => picture.clone().toColourspace("rgb16").png()],
    ["WebP", () => picture.clone().webp()],
  ])("are left to a decoder: %s", async (_, made) => {
    expect(await quickFacts(await made().toBuffer(), limits)).toBeNull();
  });

  it("are left to a decoder where the picture is larger than it may be, or tiny", async () => {
    const bytes = await picture.clone().jpeg().toBuffer();
    expect(await quickFacts(bytes, { maxPixels: width * height - 1 })).toBeNull();
    expect(await quickFacts(await sharp(bytes).resize(7, 30).jpeg().toBuffer(), limits)).toBeNull();
  });

  it("miss no end", async () => {
    const jpeg = await picture.clone().jpeg().toBuffer();
    const png = await picture.clone().png().toBuffer();
    for (let cut = 1; cut < jpeg.length; cut += 7)
      expect(checkJpeg(jpeg.subarray(0, jpeg.length - cut), limits)).toBeNull();
    for (let cut = 1; cut < png.length; cut += 97)
      expect(checkPng(png.subarray(0, png.length - cut), limits)).toBeNull();
  });

  it("say nothing that a decoder does not say, whatever is damaged", async () => {
    const random = seededRandom(11);
    const files = [await picture.clone().jpeg().toBuffer(), await picture.clone().png().toBuffer()];
    let taken = 0;
    for (let i = 0; i < 80; i++) {
      const damaged = Buffer.from(files[i % 2] as Buffer);
      for (let k = 0; k <= random.below(3); k++) damaged[random.below(damaged.length)] = random.below(256);
      const quick = await quickFacts(damaged, limits);
      if (quick === null) continue;
      taken++;
      expect(quick).toEqual(await factsOf(damaged));
    }
    expect(taken).toBeGreaterThan(0);
  });
});
