import { readFile } from "node:fs/promises";
import sharp from "sharp";
import { describe, expect, it, test } from "vitest";
import { decodeImage } from "../../src/imaging/decode.ts";
import { readMaskValues } from "../../src/imaging/mask-values.ts";
import { codeOf } from "../helpers/codes.ts";

/** HEIC, JPEG 2000 and DICOM files that say too little, too much or something else; see foreign-pictures.test.ts. */
const limits = { maxPixels: 10_000 };
const file = (name: string): Promise<Buffer> =>
  readFile(new URL(`fixtures/pictures/${name}`, import.meta.url));
/** What changes bytes of a file, which is a copy. */
async function changed(name: string, change: (bytes: Buffer) => void): Promise<Buffer> {
  const bytes = await file(name);
  change(bytes);
  return bytes;
}
/** Where bytes that are there stand. */
function placeOf(bytes: Buffer, what: Buffer | string, from = 0): number {
  const at = bytes.indexOf(what, from, "latin1");
  expect(at).toBeGreaterThan(-1);
  return at;
}
const hex = (text: string): Buffer => Buffer.from(text, "hex");
const pixel = ({ data, width }: { data: Uint8Array; width: number }, x: number, y: number): number[] =>
  Array.from(data.subarray(3 * (y * width + x), 3 * (y * width + x) + 3));

describe("a DICOM file", () => {
  /** An element of explicit VR with a text of `length` bytes. */
  const put = (element: string, text: string) => (bytes: Buffer) =>
    bytes.write(text, placeOf(bytes, hex(element)) + 8, "latin1");

  it.each([["    "], ["none"]])("with %j for its slope has none told", async (text) => {
    const plain = await decodeImage(await file("window.dcm"), limits);
    const image = await decodeImage(await changed("window.dcm", put("280053104453", text)), limits);
    expect(Buffer.compare(image.data, plain.data)).toBe(0);
    expect(image.reading).toBe(plain.reading);
  });

  it.each([
    ["  ", 1],
    ["x ", 1],
    ["-3", 1],
  ])("with %j for its number of frames has %i", async (text, pages) => {
    const image = await decodeImage(await changed("frames.dcm", put("280008004953", text)), limits);
    expect(image.pages).toBe(pages);
  });

  it("has no more frames than bytes of pixels", async () => {
    const image = await decodeImage(
      await changed("colours.dcm", (bytes) => {
        // Over the patient's name, of which nothing is read.
        const at = placeOf(bytes, hex("10001000504e0600"));
        hex("2800080049530600").copy(bytes, at);
        bytes.write("999999", at + 8, "latin1");
      }),
      limits,
    );
    expect(image.pages).toBe(64 * 48 * 3);
  });

  it.each([
    ["jpeg.dcm", "ffc0", 5],
    ["lossless.dcm", "ffc3", 5],
    ["jpeg2000.dcm", "ff4fff51", 8],
  ])(
    "is refused before its frame, which claims another size, is unpacked: %s",
    async (name, header, size) => {
      const bytes = await changed(name, (copy) =>
        hex("7fff7fff7fff7fff").copy(
          copy,
          placeOf(copy, hex(header)) + size,
          0,
          name === "jpeg2000.dcm" ? 8 : 4,
        ),
      );
      await expect(decodeImage(bytes, limits)).rejects.toThrow(
        /its frame is \d{5,} x \d{5,}, its header says 64 x 48/,
      );
    },
  );

  it("says itself whether samples of JPEG 2000 are signed", async () => {
    const signed = await decodeImage(await file("jpeg2000-signed.dcm"), limits);
    const plain = await decodeImage(await file("signed.dcm"), limits);
    expect(Buffer.compare(signed.data, plain.data)).toBe(0);
    expect(signed.reading).toMatch(/from -8\d\d to 2\d{3}/);
  });

  it("says itself whether JPEG 2000 has luma and chroma", async () => {
    const image = await decodeImage(await file("jpeg2000-ybr.dcm"), limits);
    for (const [i, value] of pixel(image, 40, 30).entries())
      expect(Math.abs(value - ([160, 150, 140][i] as number))).toBeLessThan(4);
  });

  it("says itself that a JPEG has R, G and B, which has no mark of it", async () => {
    const bytes = await changed("jpeg-rgb.dcm", (copy) => {
      const start = placeOf(copy, hex("ffd8ffee"));
      copy[start + 3] = 0xef;
      const [frame, scan] = [placeOf(copy, hex("ffc00011")), placeOf(copy, hex("ffda000c"))];
      for (const c of [0, 1, 2]) {
        copy[frame + 10 + 3 * c] = c + 1;
        copy[scan + 5 + 2 * c] = c + 1;
      }
    });
    expect(pixel(await decodeImage(bytes, limits), 40, 30)).toEqual([160, 150, 140]);
  });
});

test("an AVIF may be called by the brand that it shares with HEIC", async () => {
  const avif = await sharp({ create: { width: 32, height: 16, channels: 3, background: "#c83214" } })
    .avif({ quality: 90 })
    .toBuffer();
  avif.write("mif1", 8, "latin1");
  const image = await decodeImage(avif, limits);
  expect(image).toMatchObject({ format: "avif", width: 32, height: 16 });
  expect(Math.abs((pixel(image, 5, 5)[0] as number) - 200)).toBeLessThan(6);
});

test("a JPEG 2000 whose palette has more bands than colours is refused by its header", async () => {
  const jp2 = await file("grey16.jp2");
  const at = placeOf(jp2, "jp2h") - 4;
  const length = jp2.readUInt32BE(at);
  const palette = Buffer.concat([hex("000000d370636c72"), hex("0001c8"), Buffer.alloc(200, 7)]);
  const head = Buffer.from(jp2.subarray(at, at + length));
  head.writeUInt32BE(length + palette.length);
  const bytes = Buffer.concat([jp2.subarray(0, at), head, palette, jp2.subarray(at + length)]);
  await expect(decodeImage(bytes, limits)).rejects.toThrow(/a palette of 200 bands, which is not read/);
});

test("a mask that takes too much memory as it is kept is refused before it is unpacked", async () => {
  const bytes = await changed("grey16.jp2", (copy) =>
    hex("0000177000001770").copy(copy, placeOf(copy, hex("ff4fff51")) + 8),
  );
  const most = { maxPixels: 64_000_000 };
  expect(await codeOf(() => readMaskValues(bytes, most))).toBe("mask_png_invalid");
  await expect(readMaskValues(bytes, most)).rejects.toThrow(
    /6000 x 6000 pixels takes too much memory as jp2/,
  );
});
