import { readFile } from "node:fs/promises";
import { describe, expect, it, test } from "vitest";
import { decodeBytes, decodeImage } from "../../src/imaging/decode.ts";
import { readMaskValues } from "../../src/imaging/mask-values.ts";
import { mediaTypeOf } from "../../src/imaging/sniff.ts";
import { thumbnail } from "../../src/imaging/thumbnail.ts";
import { codeOf } from "../helpers/codes.ts";

/** One drawn scene of 64 x 48 pixels, written by peers/picture_fixtures.py. */
const [width, height] = [64, 48];
const limits = { maxPixels: 10_000 };
const file = (name: string): Promise<Buffer> =>
  readFile(new URL(`fixtures/pictures/${name}`, import.meta.url));
const decode = async (name: string) => decodeImage(await file(name), limits);

type Colour = readonly [number, number, number];
const drawn = (at: (x: number, y: number) => Colour): Uint8Array =>
  Uint8Array.from({ length: height }, (_, y) => y).reduce(
    (all, _, y) => {
      for (let x = 0; x < width; x++) all.set(at(x, y), 3 * (y * width + x));
      return all;
    },
    new Uint8Array(width * height * 3),
  );
const colours = drawn((x, y) => [4 * x, 5 * y, 2 * (x + y)]);
const grey = (of: (x: number, y: number) => number): Uint8Array =>
  drawn((x, y) => {
    const value = Math.round(Math.min(255, Math.max(0, of(x, y))));
    return [value, value, value];
  });
/** -1000 to 2460, shown from the 1st to the 99th percentile. */
const meaning = (x: number, y: number): number => 40 * x + 20 * y - 1000;
const stretched = grey((x, y) => ((meaning(x, y) + 800) * 255) / 3060);
const windowed = grey((x, y) => (meaning(x, y) * 255) / 1000);

const worst = (a: Uint8Array, b: Uint8Array): number =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] as number))), 0);

const percentiles = /^samples are stretched from -?\d+ to \d+ \(1st and 99th percentile\)$/;
const own = /^samples are stretched from .+ \(the file's own window\)$/;

test.each([
  ["colours.jp2", "jp2", colours, 0, undefined],
  ["colours.j2k", "jp2", colours, 0, undefined],
  ["grey16.jp2", "jp2", stretched, 0, percentiles],
  ["colours.heic", "heic", colours, 6, undefined],
  ["colours.dcm", "dicom", colours, 0, undefined],
  ["planes.dcm", "dicom", colours, 0, undefined],
  ["ybr.dcm", "dicom", colours, 3, undefined],
  ["jpeg.dcm", "dicom", colours, 6, undefined],
  ["palette.dcm", "dicom", drawn((x) => [4 * x, 255 - 4 * x, 7]), 0, undefined],
  ["implicit.dcm", "dicom", stretched, 0, percentiles],
  ["big.dcm", "dicom", stretched, 0, percentiles],
  ["signed.dcm", "dicom", stretched, 0, percentiles],
  ["rle.dcm", "dicom", stretched, 0, percentiles],
  ["jpeg2000.dcm", "dicom", stretched, 0, percentiles],
  ["window.dcm", "dicom", windowed, 0, own],
  ["lossless.dcm", "dicom", windowed, 0, own],
  ["dark.dcm", "dicom", windowed.map((value) => 255 - value), 1, own],
  ["dark8.dcm", "dicom", grey((x) => 255 - 4 * x), 0, undefined],
  ["bits.dcm", "dicom", grey((x, y) => ((x + y) % 3 === 0 ? 255 : 0)), 0, own],
] as const)(
  "%s is read as %s, to the value where it is lossless",
  async (name, format, pixels, apart, reading) => {
    const image = await decode(name);
    expect(image).toMatchObject({ width, height, format, orientation: 1, pages: 1 });
    expect(worst(image.data, pixels)).toBeLessThanOrEqual(apart);
    if (reading) expect(image.reading).toMatch(reading);
    else expect(image.reading).toBeUndefined();
    // Its header alone tells what it takes.
    const bytes = await file(name);
    expect((await decodeBytes(bytes, limits)) / (width * height)).toBeGreaterThan(6);
    expect(await codeOf(() => decodeImage(bytes, { maxPixels: 3000 }))).toBe("image_too_many_pixels");
  },
);

describe("a picture of such a format", () => {
  it("is shown as it is read: a thumbnail has its window", async () => {
    const small = await thumbnail(await file("window.dcm"), { side: 32, ...limits });
    const { data } = await decodeImage(small, limits);
    const [first, middle] = [data[0], data[3 * (12 * 32 + 16)]];
    expect(first).toBeLessThan(10);
    // At (33, 25): 820 of 1000.
    expect(Math.abs((middle as number) - 209)).toBeLessThan(25);
  });

  it("lies over white where it is transparent", async () => {
    const { data } = await decode("alpha.heic");
    expect(Array.from(data.subarray(3 * 40, 3 * 40 + 3))).toEqual([255, 255, 255]);
    expect(worst(data.slice(3 * 20, 3 * 20 + 3), colours.slice(3 * 20, 3 * 20 + 3))).toBeLessThan(10);
  });

  it("is the first of its frames, and the others are counted", async () => {
    const image = await decode("frames.dcm");
    expect(image.pages).toBe(2);
    expect(
      worst(
        image.data,
        grey((x) => 4 * x),
      ),
    ).toBe(0);
  });

  it("can be a mask, by the values that it stores", async () => {
    const mask = await readMaskValues(await file("bits.dcm"), limits);
    expect(mask).toMatchObject({ width, height, kind: "grey", format: "dicom" });
    expect(Array.from(mask.values.subarray(0, 4))).toEqual([1, 0, 0, 1]);
  });

  it.each([
    ["alpha.jp2", /JPEG 2000 has 4 components, which is not read; save it as PNG or TIFF/],
    ["deflated.dcm", /has a deflated data set/],
    [
      "jpegls.dcm",
      /has pixels as lossless JPEG-LS \(transfer syntax 1\.2\.840\.10008\.1\.2\.4\.80\).+dcmdjpls/,
    ],
    ["report.dcm", /has no pixels \(a report, a structure set or a directory\)/],
  ])("is refused by what it holds and told what to do: %s", async (name, message) => {
    const bytes = await file(name);
    expect(await codeOf(() => decodeImage(bytes, limits))).toBe("image_format_unsupported");
    await expect(decodeImage(bytes, limits)).rejects.toThrow(message);
    expect(await decodeBytes(bytes, limits)).toBeGreaterThanOrEqual(0);
  });

  it.each(["colours.jp2", "colours.heic", "implicit.dcm", "rle.dcm", "lossless.dcm", "jpeg2000.dcm"])(
    "is refused where its end is missing, and says nothing of whom it shows: %s",
    async (name) => {
      const bytes = await file(name);
      for (const share of [0.3, 0.6, 0.9]) {
        const cut = bytes.subarray(0, Math.floor(share * bytes.length));
        const error = (await decodeImage(cut, limits).catch((thrown: unknown) => thrown)) as Error;
        expect(error).toMatchObject({
          code: expect.stringMatching(/^image_(unreadable|truncated|format_unsupported)$/),
        });
        expect(error.message).not.toContain("Nobody");
      }
    },
  );
});

test("files of theirs have their media types", () => {
  expect(["jp2", "heic", "dicom", "png"].map(mediaTypeOf)).toEqual([
    "image/jp2",
    "image/heic",
    "application/dicom",
    "image/png",
  ]);
});
