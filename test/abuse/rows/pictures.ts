import sharp, { type Sharp } from "sharp";
import { seededRandom } from "../../../src/lib/random.ts";
import type { Row } from "../types.ts";
import { inFirst, json, MB, once, same } from "./make.ts";

type File = Buffer | Promise<Buffer>;

/** A picture that is stored. */
const stored = (name: string, file: () => File, times = 1): Row => ({
  kind: "picture",
  name,
  times,
  make: async (world) => {
    const body = await file();
    return (place) => ({
      path: `/v1/projects/${world.project(place)}/images`,
      type: "image/png",
      body,
    });
  },
});

/** A picture that comes with a predict. */
const sentAlong = (name: string, file: () => File): Row => ({
  kind: "picture",
  name,
  make: async (world) => {
    const image = { base64: (await file()).toString("base64") };
    return same(inFirst(world, "predict", json({ image, prompts: [{ points: [[5, 5, 1]] }] })));
  },
});

const plain = (width: number, height: number, background = "#90a0b0"): Sharp =>
  sharp({ create: { width, height, channels: 3, background } });

const grain = once(() => {
  const random = seededRandom(8);
  return Buffer.from(Array.from({ length: 1000 * 1000 * 3 }, () => random.below(256)));
});

const noisy = (width: number, height: number): Sharp =>
  sharp(grain(), { raw: { width: 1000, height: 1000, channels: 3 } }).resize(width, height, {
    kernel: "nearest",
    fit: "fill",
  });

/** A PNG's head of these sides with nothing behind it. */
function pngHead(width: number, height: number): Buffer {
  const head = Buffer.from("89504e470d0a1a0a0000000d4948445200000000000000000802000000", "hex");
  head.writeUInt32BE(width, 16);
  head.writeUInt32BE(height, 20);
  return Buffer.concat([head, Buffer.alloc(64)]);
}

/** 400 pages, or frames, of 64 x 64. */
const pages = (): Sharp =>
  sharp(Buffer.alloc(64 * 64 * 400 * 3, grain()), {
    raw: { width: 64, height: 64 * 400, channels: 3, pageHeight: 64 },
  });

export const pictures: readonly Row[] = [
  stored("a PNG of 8000 x 8000", () => plain(8000, 8000).png().toBuffer()),
  stored("a JPEG of 8000 x 8000", () => plain(8000, 8000).jpeg().toBuffer()),
  stored("a JPEG of 8000 x 8000, progressive", () =>
    plain(8000, 8000).jpeg({ progressive: true }).toBuffer(),
  ),
  stored("a PNG of 8000 x 8000, interlaced", () => plain(8000, 8000).png({ progressive: true }).toBuffer()),
  stored("a PNG of 8000 x 8000 of 16 bits", () => plain(8000, 8000).toColourspace("rgb16").png().toBuffer()),
  stored("a PNG of 8000 x 8000 with transparency", () =>
    sharp({ create: { width: 8000, height: 8000, channels: 4, background: "#90a0b080" } })
      .png()
      .toBuffer(),
  ),
  stored("a WebP of 8000 x 8000", () => plain(8000, 8000).webp({ effort: 0 }).toBuffer()),
  stored("a TIFF of 8000 x 8000 in tiles of 16", () =>
    plain(8000, 8000).tiff({ tile: true, tileWidth: 16, tileHeight: 16, compression: "lzw" }).toBuffer(),
  ),
  stored("a JPEG of 8000 x 8000, turned by EXIF", () =>
    plain(8000, 8000).withMetadata({ orientation: 6 }).jpeg().toBuffer(),
  ),
  stored("a JPEG of 8000 x 8000 in CMYK", () => plain(8000, 8000).toColourspace("cmyk").jpeg().toBuffer()),
  stored("a PNG of 10 x 6,000,000", () => plain(10, 6_000_000).png().toBuffer()),
  stored("a PNG of 6,000,000 x 10", () => plain(6_000_000, 10).png().toBuffer()),
  stored("a TIFF of 400 pages", () => pages().tiff({ compression: "lzw" }).toBuffer()),
  stored("a WebP of 400 frames", () => pages().webp({ effort: 0 }).toBuffer()),
  stored("a PNG whose head says 60000 x 60000", () => pngHead(60_000, 60_000)),
  stored("a PNG whose head says 8000 x 8000 and lacks the rest", () => pngHead(8000, 8000)),
  stored("a PNG of 8000 x 8000, cut in half", async () => {
    const whole = await plain(8000, 8000).png().toBuffer();
    return whole.subarray(0, whole.length / 2);
  }),
  stored("30 MB behind a PNG's first bytes", () =>
    Buffer.concat([pngHead(100, 100), Buffer.alloc(30 * MB, grain())]),
  ),
  stored("a JPEG of 30 MB of noise", () => noisy(5000, 5000).jpeg({ quality: 95 }).toBuffer()),
  stored("40 JPEGs of 4000 x 3000 at once", () => noisy(4000, 3000).jpeg().toBuffer(), 40),
  stored("40 PNGs of 8000 x 8000 at once", () => plain(8000, 8000, "#8090a0").png().toBuffer(), 40),
  sentAlong("a predict with a PNG of 8000 x 8000 sent along", () =>
    plain(8000, 8000, "#a0b0c0").png().toBuffer(),
  ),
  sentAlong("a predict with a JPEG of 6000 x 6000 sent along", () => noisy(6000, 6000).jpeg().toBuffer()),
  sentAlong("a predict with a picture whose head says 60000 x 60000", () => pngHead(60_000, 60_000)),
];
