import sharp from "sharp";
import { AppError, messageOf } from "../lib/errors.ts";
import { maxMaskPixels } from "./rle.ts";
import type { BinaryMask, Size } from "./types.ts";

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/**
 * The mask in a PNG of any kind (1 to 16 bit, grey, RGB, palette) whose pixels are all black (background) or all white
 * (foreground). A fully transparent pixel is background.
 * `expected`, when given, is held against the header before a pixel is decoded.
 * Throws AppError mask_png_invalid, mask_size_mismatch, or mask_not_binary, which names a value found and where.
 */
export async function pngToMask(bytes: Uint8Array, expected?: Size): Promise<BinaryMask> {
  if (!signature.equals(bytes.subarray(0, 8)))
    throw new AppError("mask_png_invalid", "the mask is not a PNG file", { param: "data" });
  try {
    // A mask's values mean themselves: no gamma or profile is applied, and truncated files fail.
    const image = sharp(bytes, { limitInputPixels: maxMaskPixels, failOn: "truncated" });
    const { width, height, depth, channels } = await image.metadata();
    if (expected && (height !== expected[0] || width !== expected[1])) {
      throw new AppError("mask_size_mismatch", sizeText(width, height, expected));
    }
    const deep = depth === "ushort";
    // Left alone, sharp keeps the upper 8 bits only: 65300 would pass for white.
    const full = deep ? image.toColourspace(channels < 3 ? "grey16" : "rgb16") : image;
    const { data, info } = await full
      .raw({ depth: deep ? "ushort" : "uchar" })
      .toBuffer({ resolveWithObject: true });
    const values = deep ? new Uint16Array(data.buffer, data.byteOffset, data.length / 2) : data;
    return { width, height, data: binarise(values, info.channels, width, deep ? 65_535 : 255) };
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError("mask_png_invalid", `the PNG can't be read: ${messageOf(error)}`, {
      param: "data",
      cause: error,
    });
  }
}

/** An 8-bit grey PNG: 0 is background, 255 foreground. */
export function maskToPng({ width, height, data }: BinaryMask): Promise<Buffer> {
  const grey = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i++) grey[i] = data[i] === 0 ? 0 : 255;
  return sharp(grey, { raw: { width, height, channels: 1 } })
    .toColourspace("b-w")
    .png({ compressionLevel: 6 })
    .toBuffer();
}

export const sizeText = (width: number, height: number, [h, w]: Size): string =>
  `the mask is ${width} x ${height} pixels (width x height), the image ${w} x ${h}`;

function binarise(
  values: Uint8Array | Uint16Array,
  channels: number,
  width: number,
  white: number,
): Uint8Array {
  const colours = channels > 2 ? 3 : 1;
  const alpha = channels === 2 || channels === 4;
  const out = new Uint8Array(values.length / channels);
  for (let i = 0, p = 0; i < out.length; i++, p += channels) {
    if (alpha && values[p + colours] === 0) continue;
    const first = values[p] as number;
    let odd = first !== 0 && first !== white ? first : -1;
    for (let c = 1; c < colours && odd === -1; c++)
      if (values[p + c] !== first) odd = values[p + c] as number;
    if (alpha && odd === -1 && values[p + colours] !== white) odd = values[p + colours] as number;
    if (odd !== -1) {
      const [x, y] = [i % width, Math.floor(i / width)];
      const pixel = Array.from(values.subarray(p, p + channels)).join(", ");
      throw new AppError(
        "mask_not_binary",
        `pixel (${x}, ${y}) is [${pixel}]; a mask has only 0 and ${white}`,
        { param: "data" },
      );
    }
    out[i] = first === 0 ? 0 : 1;
  }
  return out;
}
