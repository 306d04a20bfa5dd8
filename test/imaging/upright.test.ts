import { writeArrayBuffer } from "geotiff";
import sharp from "sharp";
import { expect, it } from "vitest";
import { decodeImage } from "../../src/imaging/decode.ts";
import { lookAlike, lookOf } from "../../src/imaging/look-alike.ts";
import { thumbnail } from "../../src/imaging/thumbnail.ts";
import { asPng, noiseImage } from "../worlds/images.ts";

const [width, height] = [64, 48];
const grey = Uint8Array.from({ length: width * height }, (_, i) => (i % width) * 3 + 20);
const raw = { width, height, channels: 1 } as const;

it.each<[string, () => Promise<Buffer>]>([
  [
    "16 bits of which 12 are used",
    () =>
      sharp(
        Uint16Array.from(grey, (v) => v * 14),
        { raw },
      )
        .toColourspace("grey16")
        .png()
        .toBuffer(),
  ],
  [
    "a TIFF of floats",
    async () =>
      Buffer.from(
        writeArrayBuffer(Float32Array.from(grey, (v) => v / 255) as unknown as number[], {
          width,
          height,
          SampleFormat: [3],
          BitsPerSample: [32],
          SamplesPerPixel: 1,
          PhotometricInterpretation: 1,
        }),
      ),
  ],
])("%s is shown as the encoder sees it", async (_, make) => {
  const bytes = await make();
  const { data } = await decodeImage(bytes, { maxPixels: 1e6 });
  const shown = await sharp(await thumbnail(bytes, { side: 64, maxPixels: 1e6 }))
    .removeAlpha()
    .raw()
    .toBuffer();
  const difference =
    shown.reduce((sum, value, i) => sum + Math.abs(value - (data[i] as number)), 0) / shown.length;
  expect(difference).toBeLessThan(3);
});

it("knows a copy of a picture in another depth for a copy", async () => {
  const picture = await asPng(noiseImage(width, height, 5));
  const { data } = await decodeImage(picture, { maxPixels: 1e6 });
  const deep = await sharp(
    Uint16Array.from(data, (v) => v * 257),
    { raw: { width, height, channels: 3 } },
  )
    .toColourspace("rgb16")
    .tiff()
    .toBuffer();
  expect(lookAlike(await lookOf(picture), await lookOf(deep))).toBe(true);
});
