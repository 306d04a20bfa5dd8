import sharp, { type Sharp } from "sharp";
import type { BinaryMask, Box, RgbImage } from "../../src/imaging/types.ts";
import { seededRandom } from "../../src/lib/random.ts";

/** RGB noise, smooth enough to be an image: a coarse random grid, interpolated, plus a little grain. */
export function noiseImage(width: number, height: number, seed: number): RgbImage {
  const random = seededRandom(seed);
  const cells = 9;
  const grid = Array.from({ length: cells * cells * 3 }, () => random.next() * 255);
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const v = (y / height) * (cells - 1);
    for (let x = 0; x < width; x++) {
      const u = (x / width) * (cells - 1);
      const [i, j] = [Math.floor(u), Math.floor(v)];
      for (let c = 0; c < 3; c++) {
        const at = (dx: number, dy: number) => grid[((j + dy) * cells + i + dx) * 3 + c] as number;
        const top = at(0, 0) * (1 - u + i) + at(1, 0) * (u - i);
        const bottom = at(0, 1) * (1 - u + i) + at(1, 1) * (u - i);
        const value = top * (1 - v + j) + bottom * (v - j) + random.next() * 24 - 12;
        data[(y * width + x) * 3 + c] = Math.min(255, Math.max(0, Math.round(value)));
      }
    }
  }
  return { width, height, data };
}

/** A dark disc on light, slightly grainy paper, and the disc's exact mask. */
export function discImage(
  width: number,
  height: number,
  options: { x: number; y: number; radius: number; seed?: number },
): { image: RgbImage; mask: BinaryMask } {
  const random = seededRandom(options.seed ?? 1);
  const data = new Uint8Array(width * height * 3);
  const mask = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const inside = (x + 0.5 - options.x) ** 2 + (y + 0.5 - options.y) ** 2 <= options.radius ** 2;
      const colour = inside ? [40, 60, 150] : [232, 228, 215];
      const grain = random.below(13) - 6;
      for (let c = 0; c < 3; c++) data[(y * width + x) * 3 + c] = (colour[c] as number) + grain;
      mask[y * width + x] = inside ? 1 : 0;
    }
  }
  return { image: { width, height, data }, mask: { width, height, data: mask } };
}

/** An image as sharp takes it, to be written in any format. */
export const asSharp = ({ width, height, data }: RgbImage): Sharp =>
  sharp(data, { raw: { width, height, channels: 3 } });

/** A lossless PNG file of an image. */
export const asPng = (image: RgbImage): Promise<Buffer> =>
  asSharp(image).png({ compressionLevel: 1 }).toBuffer();

/** A mask of one filled rectangle [x0, y0, x1, y1]. */
export function rectangleMask(width: number, height: number, [x0, y0, x1, y1]: Box): BinaryMask {
  const data = new Uint8Array(width * height);
  for (let y = y0; y < y1; y++) data.fill(1, y * width + x0, y * width + x1);
  return { width, height, data };
}

/** Blobs and specks with holes: a mask that is hard on run lengths and contours. */
export function randomMask(width: number, height: number, seed: number, share = 0.4): BinaryMask {
  const random = seededRandom(seed);
  const data = new Uint8Array(width * height);
  for (let i = 0; i < 6; i++) {
    const [cx, cy, r] = [
      random.next() * width,
      random.next() * height,
      (random.next() * Math.min(width, height)) / 3,
    ];
    const value = i % 3 === 2 ? 0 : 1;
    for (let p = 0; p < data.length; p++) {
      if ((p % width) - cx < r && Math.hypot((p % width) - cx, Math.floor(p / width) - cy) < r)
        data[p] = value;
    }
  }
  for (let i = 0; i < (data.length * share) / 20; i++) {
    const p = random.below(data.length);
    data[p] = 1 - (data[p] as number);
  }
  return { width, height, data };
}
