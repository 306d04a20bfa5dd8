import sharp from "sharp";
import { upright } from "./upright.ts";

/** What is left of an image to tell copies by: re-encoded, resized, but not cropped or turned. */
export interface Look {
  /** Difference hash: bit 8 y + x is set where the 9 x 8 thumbnail gets darker from x to x + 1; two halves of 32 bits. */
  readonly hash: readonly [number, number];
  /** [32, 32] grey, row-major, 0 to 255. */
  readonly thumbnail: Uint8Array;
}

const side = 32;
/** Bits of 64. Of 60 JPEG and WebP copies (quality 50 to 80, down to 37 % of the side) the worst differed in 10. */
const mostBits = 10;
/** A hash alone takes shots of one scene's lighting for copies: 117 pairs of 119 steel tiles lay within 4 bits. */
const leastCorrelation = 0.95;
/** Root of the mean squared difference, grey levels; the worst of the same copies had 8.2. */
const mostDifference = 10;

/**
 * The look of an image file. The hash is Krawetz's dHash (hackerfactor.com, "Kind of Like That", 2013).
 * Throws sharp's Error for bytes that it can't read.
 */
export async function lookOf(bytes: Uint8Array): Promise<Look> {
  const picture = await upright(bytes);
  const thumbnail = await picture.greyscale().resize(side, side, { fit: "fill" }).raw().toBuffer();
  const tiny = await sharp(thumbnail, { raw: { width: side, height: side, channels: 1 } })
    .greyscale()
    .resize(9, 8, { fit: "fill" })
    .raw()
    .toBuffer();
  const hash: [number, number] = [0, 0];
  for (let y = 0; y < 8; y++) {
    for (let x = 0; x < 8; x++) {
      if ((tiny[9 * y + x] as number) <= (tiny[9 * y + x + 1] as number)) continue;
      const half = y < 4 ? 0 : 1;
      hash[half] = (hash[half] | (1 << (8 * (y % 4) + x))) >>> 0;
    }
  }
  return { hash, thumbnail: Uint8Array.from(thumbnail) };
}

/** Whether two images are copies of one, to the eye. Blank images are not: nothing in them says so. */
export function lookAlike(a: Look, b: Look): boolean {
  if (bitsOf(a.hash[0] ^ b.hash[0]) + bitsOf(a.hash[1] ^ b.hash[1]) > mostBits) return false;
  const { correlation, difference } = compare(a.thumbnail, b.thumbnail);
  return correlation >= leastCorrelation && difference <= mostDifference;
}

/** Set bits of a 32-bit number. */
function bitsOf(value: number): number {
  let count = 0;
  for (let left = value >>> 0; left !== 0; left &= left - 1) count++;
  return count;
}

function compare(a: Uint8Array, b: Uint8Array): { correlation: number; difference: number } {
  const mean = (values: Uint8Array): number => values.reduce((sum, v) => sum + v, 0) / values.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  let [both, onlyA, onlyB, squares] = [0, 0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number];
    both += (x - meanA) * (y - meanB);
    onlyA += (x - meanA) ** 2;
    onlyB += (y - meanB) ** 2;
    squares += (x - y) ** 2;
  }
  // NaN for a blank image, which fails every comparison.
  return { correlation: both / Math.sqrt(onlyA * onlyB), difference: Math.sqrt(squares / a.length) };
}
