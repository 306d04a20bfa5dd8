import { crc32 } from "node:zlib";
import sharp, { type Sharp } from "sharp";
import { describe, expect, it } from "vitest";
import { readPng } from "../../src/imaging/png-reader.ts";
import { plainPng } from "../../src/imaging/png-writer.ts";
import { readSharp } from "../../src/imaging/samples.ts";
import { seededRandom } from "../../src/lib/random.ts";

const limits = { maxPixels: 100_000 };
const [width, height] = [45, 37];

/** Soft blobs, so that an encoder finds each filter of use. */
function pictureOf(channels: 1 | 2 | 3 | 4): Sharp {
  const random = seededRandom(channels);
  const data = Uint8Array.from(
    { length: width * height * channels },
    (_, i) => (i % 251) * (1 - ((i >> 7) % 2)) + random.below(3),
  );
  return sharp(data, { raw: { width, height, channels } });
}

describe("a PNG's samples", () => {
  it.each([1, 2, 3, 4] as const)("are those of a decoder, of %i bands", async (channels) => {
    for (const adaptiveFiltering of [false, true]) {
      const bytes = await pictureOf(channels).png({ adaptiveFiltering }).toBuffer();
      const read = readPng(bytes, limits);
      const { bands, data } = await readSharp(bytes, limits);
      expect(read).toMatchObject({ width, height, bands, bits: 8, palette: null });
      expect(Buffer.from(read?.data as Uint8Array).equals(data as Uint8Array)).toBe(true);
    }
  });

  it("are those of a decoder, of 16 bits", async () => {
    const random = seededRandom(9);
    const values = Uint16Array.from({ length: width * height }, () => random.below(65_536));
    const read = readPng(plainPng({ width, height, values }), limits);
    expect(read).toMatchObject({ bits: 16, bands: 1, data: values });
  });

  it.each([2, 4, 16, 200])("are places in a palette of %i colours", async (colours) => {
    const bytes = await pictureOf(3).png({ palette: true, colours, dither: 0 }).toBuffer();
    const read = readPng(bytes, limits);
    const { data } = await readSharp(bytes, limits);
    const seen = Array.from(read?.data as Uint8Array, (place) => read?.palette?.[place] as number);
    expect(seen).toHaveLength(width * height);
    expect(
      Buffer.from(seen.flatMap((c) => [c >> 16, (c >> 8) & 255, c & 255])).equals(data as Uint8Array),
    ).toBe(true);
  });

  it("are left to a decoder where the PNG is interlaced, too large, damaged, or says what is transparent", async () => {
    const plain = await pictureOf(1).png().toBuffer();
    expect(readPng(plain, limits)).not.toBeNull();
    expect(readPng(plain, { maxPixels: width * height - 1 })).toBeNull();
    expect(readPng(await pictureOf(1).png({ progressive: true }).toBuffer(), limits)).toBeNull();
    expect(readPng(plain.subarray(0, -1), limits)).toBeNull();
    const damaged = Buffer.from(plain);
    damaged[60] = 255 - (damaged[60] as number);
    expect(readPng(damaged, limits)).toBeNull();
    const transparent = Buffer.from("0000000274524e530000", "hex");
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc32(transparent.subarray(4)));
    const keyed = Buffer.concat([plain.subarray(0, 33), transparent, sum, plain.subarray(33)]);
    expect(readPng(keyed, limits)).toBeNull();
  });
});
