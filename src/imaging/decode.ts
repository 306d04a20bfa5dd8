import sharp, { type Metadata } from "sharp";
import { AppError, messageOf } from "../lib/errors.ts";
import { decodeCost, type Header, mostDecodeBytes, tiffPartRows } from "./decode-cost.ts";
import { sniff, truncated, type ImageFormat } from "./sniff.ts";
import type { RgbImage } from "./types.ts";

/** A side below this many pixels is refused: nothing in it could be segmented. */
const minImageSide = 8;

export interface DecodedImage extends RgbImage {
  readonly format: ImageFormat;
}

/**
 * JPEG, PNG, WebP or TIFF bytes (told by content, not by name) as 8-bit RGB, turned as EXIF orientation says; of several
 * pages the first.
 *
 * - 16-bit samples keep their upper 8 bits. Grey is repeated in R, G and B. CMYK becomes sRGB through its profile.
 * - Profiles of RGB and grey images are not applied: SAM was trained on pixels read by PIL and OpenCV, which don't either.
 * - Transparent pixels are laid over white: it is what a person saw who drew a mask in a viewer or on a page; the colours
 *   hidden below alpha 0 are arbitrary.
 *
 * The header alone decides about size, so a decompression bomb is refused before it is unpacked, and so is a picture of a
 * kind that has to be whole in memory first and would take too much of it (decode-cost.ts).
 * Throws AppError image_empty, image_format_unsupported, image_too_many_pixels, image_too_small, image_truncated,
 * image_unreadable.
 */
export async function decodeImage(bytes: Uint8Array, limits: { maxPixels: number }): Promise<DecodedImage> {
  if (bytes.length === 0) throw new AppError("image_empty", "the image has no bytes");
  const format = sniff(bytes);
  if (format === null) {
    throw new AppError("image_format_unsupported", "the content is none of JPEG, PNG, WebP and TIFF");
  }
  try {
    // Without a limit here, as ours has its own code; metadata reads the header only.
    const header = await sharp(bytes, { limitInputPixels: false }).metadata();
    checkHeader(withParts(header, bytes, format), limits.maxPixels);
    const image = sharp(bytes, {
      limitInputPixels: limits.maxPixels,
      // libvips calls the rows that a TIFF lacks an error, not truncation, and would fill them with black.
      failOn: format === "tiff" ? "error" : "truncated",
      ignoreIcc: header.space !== "cmyk",
      sequentialRead: true,
    });
    const flat = header.hasAlpha ? image.autoOrient().flatten({ background: "#ffffff" }) : image.autoOrient();
    const { data, info } = await flat.toColourspace("srgb").raw().toBuffer({ resolveWithObject: true });
    return { format, width: info.width, height: info.height, data: toRgb(data, info.channels) };
  } catch (error) {
    if (error instanceof AppError) throw error;
    const reason = messageOf(error);
    if (truncated(bytes, format, reason)) {
      throw new AppError("image_truncated", `the ${format} ends too early: ${reason}`, { cause: error });
    }
    throw new AppError("image_unreadable", `the ${format} can't be read: ${reason}`, { cause: error });
  }
}

/** libvips takes a TIFF that does not tell for one strip. */
const withParts = (header: Metadata, bytes: Uint8Array, format: ImageFormat): Metadata & Header =>
  format === "tiff" ? { ...header, partRows: tiffPartRows(bytes) ?? header.height } : header;

/**
 * Bytes of memory that decodeImage takes for this file at most, by its header: none for one that it can't read. The parts
 * of a TIFF that is given by its path are not looked at.
 */
export async function decodeBytes(file: Uint8Array | string, limits: { maxPixels: number }): Promise<number> {
  try {
    const header = await sharp(file, { limitInputPixels: false }).metadata();
    const { width, height, format } = header;
    if (width * height > limits.maxPixels) return 0;
    const whole = { ...header, partRows: height };
    const cost = decodeCost(
      format === "tiff" && typeof file !== "string" ? withParts(header, file, format) : whole,
    );
    return Math.min(cost * width * height, mostDecodeBytes(limits.maxPixels));
  } catch {
    return 0;
  }
}

function checkHeader(header: Metadata & Header, maxPixels: number): void {
  const { width, height, depth, space } = header;
  if (width * height > maxPixels) {
    throw new AppError(
      "image_too_many_pixels",
      `the image has ${width} x ${height} pixels; ${maxPixels} in all are the most`,
    );
  }
  const [cost, most] = [decodeCost(header), mostDecodeBytes(maxPixels)];
  if (cost * width * height > most) {
    throw new AppError(
      "image_too_many_pixels",
      `reading ${width} x ${height} pixels of this kind takes about ${inMiB(cost * width * height)} of memory; ${inMiB(most)} are the most, ` +
        `${Math.floor(most / cost / 1e6)} million pixels. Save it as a baseline JPEG, or as a PNG of 8 bits without interlacing.`,
    );
  }
  if (Math.min(width, height) < minImageSide) {
    throw new AppError(
      "image_too_small",
      `the image has ${width} x ${height} pixels; each side needs ${minImageSide}`,
    );
  }
  if (depth !== "uchar" && depth !== "ushort") {
    throw new AppError(
      "image_format_unsupported",
      `samples are ${depth} (${space}); 8 and 16 bit unsigned are read`,
    );
  }
}

const inMiB = (bytes: number): string => `${Math.ceil(bytes / 1024 ** 2)} MiB`;

function toRgb(data: Buffer, channels: number): Uint8Array {
  if (channels === 3) return data;
  if (channels !== 1) throw new Error(`${channels} channels after conversion to sRGB`);
  const rgb = new Uint8Array(data.length * 3);
  for (let i = 0; i < data.length; i++) rgb.fill(data[i] as number, 3 * i, 3 * i + 3);
  return rgb;
}
