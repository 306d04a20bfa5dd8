import { Worker } from "node:worker_threads";
import { writeArrayBuffer } from "geotiff";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { decodeImage } from "../../src/imaging/decode.ts";
import type { RgbImage } from "../../src/imaging/types.ts";
import { asSharp, noiseImage } from "../worlds/images.ts";

const source = noiseImage(64, 48, 3);
const decode = (bytes: Uint8Array) => decodeImage(bytes, { maxPixels: 1_000_000 });

describe("an image is read from", () => {
  test("BMP, GIF and AVIF", async () => {
    const rows = bmpOf(source.width, source.height, source.data);
    const bmp = await decode(rows);
    expect(bmp).toMatchObject({ width: 64, height: 48, format: "bmp" });
    expect(Buffer.compare(bmp.data, source.data)).toBe(0);
    const gif = await decode(await asSharp(source).gif().toBuffer());
    expect(gif).toMatchObject({ width: 64, height: 48, format: "gif", pages: 1 });
    const avif = await decode(await asSharp(source).avif({ quality: 90 }).toBuffer());
    expect(avif).toMatchObject({ width: 64, height: 48, format: "avif" });
    expect(meanDifference(avif, source)).toBeLessThan(12);
  });

  test("floats, stretched over what they hold, and told", async () => {
    const image = await decode(floatTiff(16, 16));
    // 0 to 2.55, of which the 1st and 99th percentile are .02 and 2.53.
    expect(image).toMatchObject({
      width: 16,
      height: 16,
      reading: expect.stringMatching(/^samples are stretched from 0\.02 to 2\.53/),
    });
    expect([image.data[0], image.data[3 * 255]]).toEqual([0, 255]);
    expect(Math.abs((image.data[3 * 128] as number) - 128)).toBeLessThan(3);
  });

  test("floats in a worker thread too", async () => {
    const code = `
      import { parentPort } from "node:worker_threads";
      import { decodeImage } from ${JSON.stringify(new URL("../../src/imaging/decode.ts", import.meta.url).href)};
      parentPort.on("message", async (bytes) => parentPort.postMessage((await decodeImage(bytes, { maxPixels: 1e6 })).reading));`;
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`));
    try {
      const reading = new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
      worker.postMessage(floatTiff(16, 16), []);
      expect(await reading).toMatch(/^samples are stretched/);
    } finally {
      await worker.terminate();
    }
  });

  test("16 bits of which few are used, stretched, and told", async () => {
    const data = Uint16Array.from({ length: 64 * 48 }, (_, i) => 500 + (i % 64) * 40);
    const bytes = await sharp(data, { raw: { width: 64, height: 48, channels: 1 } })
      .toColourspace("grey16")
      .png()
      .toBuffer();
    const image = await decode(bytes);
    expect(image.reading).toMatch(/^samples are stretched from 500 to 3020/);
    expect([image.data[0], image.data[3 * 63]]).toEqual([0, 255]);
  });

  test("a TIFF's fourth band that is not declared as alpha as no alpha", async () => {
    const bands = Uint8Array.from({ length: 32 * 16 * 4 }, (_, i) => [40, 80, 120, 3][i % 4] as number);
    const metadata = {
      width: 32,
      height: 16,
      SamplesPerPixel: 4,
      BitsPerSample: [8, 8, 8, 8],
      PhotometricInterpretation: 2,
      ExtraSamples: [0],
    };
    const image = await decode(
      Buffer.from(writeArrayBuffer(bands as unknown as number[], metadata as never)),
    );
    expect([...image.data.subarray(0, 6)]).toEqual([40, 80, 120, 40, 80, 120]);
    expect(image.reading).toBe("the first three of 4 bands are red, green and blue");
  });
});

const meanDifference = (a: RgbImage, b: RgbImage): number =>
  a.data.reduce((sum, value, i) => sum + Math.abs(value - (b.data[i] as number)), 0) / a.data.length;

/** A BMP of 24 bits, bottom up; rows are a multiple of four bytes long here. */
function bmpOf(width: number, height: number, rgb: Uint8Array): Buffer {
  const head = Buffer.alloc(54);
  head.write("BM", "latin1");
  head.writeUInt32LE(54 + rgb.length, 2);
  head.writeUInt32LE(54, 10);
  head.writeUInt32LE(40, 14);
  head.writeInt32LE(width, 18);
  head.writeInt32LE(height, 22);
  head.writeUInt16LE(1, 26);
  head.writeUInt16LE(24, 28);
  head.writeUInt32LE(rgb.length, 34);
  const rows = Buffer.alloc(rgb.length);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++)
        rows[((height - 1 - y) * width + x) * 3 + 2 - c] = rgb[(y * width + x) * 3 + c] as number;
  return Buffer.concat([head, rows]);
}

/** A grey TIFF of 32-bit floats, written by hand, as sharp writes none. */
function floatTiff(width: number, height: number): Buffer {
  const entries = [
    [256, width],
    [257, height],
    [258, 32], // bits a sample
    [259, 1], // no compression
    [262, 1], // black is zero
    [273, 8], // where the samples begin
    [277, 1], // samples a pixel
    [278, height], // rows in the one strip
    [279, width * height * 4],
    [339, 3], // floating point
  ] as const;
  const start = 8 + width * height * 4;
  const file = Buffer.alloc(start + 2 + entries.length * 12 + 4);
  file.write("II*\0", "latin1");
  file.writeUInt32LE(start, 4);
  for (let i = 0; i < width * height; i++) file.writeFloatLE(i / 100, 8 + 4 * i);
  file.writeUInt16LE(entries.length, start);
  for (const [i, [tag, value]] of entries.entries()) {
    const at = start + 2 + 12 * i;
    file.writeUInt16LE(tag, at);
    file.writeUInt16LE(4, at + 2); // type LONG
    file.writeUInt32LE(1, at + 4);
    file.writeUInt32LE(value, at + 8);
  }
  return file;
}
