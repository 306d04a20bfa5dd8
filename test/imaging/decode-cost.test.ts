import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeImage } from "../../src/imaging/decode.ts";
import { decodeCost, lookCost, mostDecodeBytes, tiffPartRows } from "../../src/imaging/decode-cost.ts";
import { codeOf } from "../helpers/codes.ts";

const side = 4000;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "maskwright-decode-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const plain = (channels: 3 | 4 = 3): Sharp =>
  sharp({ create: { width: side, height: side, channels, background: { r: 9, g: 90, b: 200, alpha: 0.5 } } });

const kinds: readonly (readonly [name: string, picture: () => Sharp])[] = [
  ["a PNG", () => plain().png()],
  [
    "an interlaced PNG of 16 bits with transparency",
    () => plain(4).toColourspace("rgb16").png({ progressive: true }),
  ],
  ["a JPEG", () => plain().jpeg()],
  [
    "a progressive JPEG of full colour",
    () => plain().jpeg({ progressive: true, chromaSubsampling: "4:4:4" }),
  ],
  ["a JPEG that is turned", () => plain().withMetadata({ orientation: 6 }).jpeg()],
  ["a WebP with transparency", () => plain(4).webp({ effort: 0 })],
  [
    "a PNG of 1,000,000 x 16",
    () => sharp({ create: { width: 1_000_000, height: 16, channels: 3, background: "#09f" } }).png(),
  ],
  ["a TIFF of strips", () => plain().tiff({ compression: "lzw" })],
  [
    "a TIFF of tiles of 2048",
    () => plain().tiff({ tile: true, tileWidth: 2048, tileHeight: 2048, compression: "lzw" }),
  ],
];

describe.runIf(process.platform === "linux")("a picture takes no more memory than its header tells", () => {
  it.each(kinds)("%s", async (name, picture) => {
    const bytes = await picture().toBuffer();
    const file = join(folder, name);
    await writeFile(file, bytes);
    const header = await sharp(bytes).metadata();
    const cost = decodeCost({ ...header, partRows: tiffPartRows(bytes) });
    const script = join(import.meta.dirname, "decode-memory.ts");
    const measured = (...how: string[]): number =>
      Number(execFileSync(process.execPath, ["--disable-warning=ExperimentalWarning", script, file, ...how]));
    const taken = measured();
    // With 16 million pixels, what threads and the heap take by themselves is as much as half a byte.
    expect(taken).toBeLessThan(cost + 0.5);
    expect(taken).toBeGreaterThan(cost / 3);
    if (header.format !== "tiff" && header.depth === "uchar")
      expect(measured("look")).toBeLessThan(lookCost(header) + 0.5);
  });
});

it("a picture of a kind that takes too much is refused by its header, which says what would fit", async () => {
  // 16 million pixels are allowed, and line by line they would fit; no budget is smaller than 384 MiB.
  expect(mostDecodeBytes(16e6)).toBe(384 * 1024 * 1024);
  const large = { create: { width: 7000, height: 7000, channels: 3, background: "#fff" } } as const;
  const [interlaced, lines] = [
    await sharp(large).webp({ effort: 0 }).toBuffer(),
    await sharp(large).png().toBuffer(),
  ];
  const limits = { maxPixels: 64e6 };
  expect(await codeOf(() => decodeImage(interlaced, limits))).toBe("image_too_many_pixels");
  await expect(decodeImage(interlaced, limits)).rejects.toThrow(
    /about \d+ MiB of memory; 384 MiB are the most, 35 million pixels/,
  );
  expect(await decodeImage(lines, limits)).toMatchObject({ width: 7000, height: 7000 });
});

it("a picture of few rows that are so wide that they take too much is refused, and may be cut", async () => {
  const wide = { create: { width: 1_000_000, height: 60, channels: 3, background: "#fff" } } as const;
  const limits = { maxPixels: 64e6 };
  await expect(decodeImage(await sharp(wide).png().toBuffer(), limits)).rejects.toThrow(
    "1000000 x 60 pixels of this kind takes about 501 MiB of memory; 384 MiB are the most, 46 million pixels. Cut it into pictures that are less wide.",
  );
});

it("the rows of a TIFF's parts are read, and none of what is no TIFF", async () => {
  const small = sharp({ create: { width: 300, height: 300, channels: 3, background: "#123" } });
  const tiles = await small.clone().tiff({ tile: true, tileWidth: 64, tileHeight: 32 }).toBuffer();
  expect(tiffPartRows(tiles)).toBe(32);
  expect(tiffPartRows(await small.clone().tiff().toBuffer())).toBeLessThanOrEqual(300);
  expect(tiffPartRows(Buffer.from("II*\0"))).toBeUndefined();
  expect(tiffPartRows(await small.clone().png().toBuffer())).toBeUndefined();
});
