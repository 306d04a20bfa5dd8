import sharp, { type Metadata } from "sharp";
import { AppError, messageOf } from "../lib/errors.ts";
import { decodeCost, type Header, mostDecodeBytes, tiffPartRows } from "./decode-cost.ts";
import { eightBits } from "./eight-bits.ts";
import { readerOf } from "./formats/readers.ts";
import type { PictureReader } from "./formats/types.ts";
import { recognise } from "./recognise.ts";
import { bmpSize, readBmp, readTiff, sharpReads, type TiffHead, tiffHead } from "./samples.ts";
import { type ImageFormat, sniff, truncated } from "./sniff.ts";
import type { RgbImage } from "./types.ts";

/** A side below this many pixels is refused: nothing in it could be segmented. */
export const leastImageSide = 8;
/** Bands of a TIFF: all of them are in memory before three are taken. */
const mostBands = 64;

export interface DecodedImage extends RgbImage {
  readonly format: ImageFormat;
  /** EXIF's Orientation, 1 to 8, as it was applied. */
  readonly orientation: number;
  /** Pages of the file; only the first is read. */
  readonly pages: number;
  /** What was chosen to make eight bits of R, G and B of it; undefined where it has them. */
  readonly reading?: string | undefined;
}

/**
 * The bytes of a picture of one of imageFormats (told by content, not by name) as 8-bit RGB, turned as EXIF orientation says;
 * of several pages the first.
 *
 * - Samples of more than eight bits: see eight-bits.ts; `reading` says what was chosen. Grey is repeated in R, G and B. CMYK
 *   becomes sRGB through its profile. A TIFF's fourth band is alpha only where the file declares it so.
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
  const format = recognise(bytes);
  return asPicture(bytes, format, async () => {
    const reader = readerOf(format);
    if (reader) return decodeByReader(bytes, format, reader, limits);
    if (format === "bmp") return decodeBmp(bytes, limits);
    const tiff = format === "tiff" ? await tiffHead(bytes) : null;
    if (tiff && !sharpReads(tiff)) return decodeTiff(bytes, tiff, limits);
    return decodeSharp(bytes, format, tiff, limits);
  });
}

/** What reading a picture comes to. Throws AppError image_truncated, image_unreadable for what libraries throw. */
export async function asPicture<T>(
  bytes: Uint8Array,
  format: ImageFormat,
  read: () => Promise<T>,
): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof AppError) throw error;
    const reason = messageOf(error);
    if (truncated(bytes, format, reason)) {
      throw new AppError("image_truncated", `the ${format} ends too early: ${reason}`, { cause: error });
    }
    throw new AppError("image_unreadable", `the ${format} can't be read: ${reason}`, { cause: error });
  }
}

async function decodeSharp(
  bytes: Uint8Array,
  format: ImageFormat,
  tiff: TiffHead | null,
  { maxPixels }: { maxPixels: number },
): Promise<DecodedImage> {
  // Without a limit here, as ours has its own code; metadata reads the header only.
  const header = await sharp(bytes, { limitInputPixels: false }).metadata();
  checkSize(header, maxPixels);
  checkCost(header, decodeCost(withParts(header, bytes, format)), maxPixels);
  const { depth, space, orientation = 1, pages = 1 } = header;
  if (depth !== "uchar" && depth !== "ushort")
    throw new AppError(
      "image_format_unsupported",
      `samples are ${depth} (${space}), which is not read in a ${format}`,
    );
  const image = sharp(bytes, {
    limitInputPixels: maxPixels,
    // libvips calls the rows that a TIFF lacks an error, not truncation, and would fill them with black.
    failOn: format === "tiff" ? "error" : "truncated",
    ignoreIcc: space !== "cmyk",
    sequentialRead: true,
  });
  const base = { format, orientation, pages: format === "tiff" ? (tiff?.pages ?? pages) : pages };
  const flat = header.hasAlpha ? image.autoOrient().flatten({ background: "#ffffff" }) : image.autoOrient();
  if (depth === "ushort" && space !== "cmyk") {
    const grey = header.channels < 3;
    const { data, info } = await flat
      .toColourspace(grey ? "grey16" : "rgb16")
      .raw({ depth: "ushort" })
      .toBuffer({ resolveWithObject: true });
    const values = new Uint16Array(data.buffer, data.byteOffset, data.length / 2);
    const { width, height, channels: bands } = info;
    const { image: shown, reading } = eightBits({ width, height, bands, data: values });
    return { ...base, ...shown, reading };
  }
  const { data, info } = await flat.toColourspace("srgb").raw().toBuffer({ resolveWithObject: true });
  return { ...base, width: info.width, height: info.height, data: toRgb(data, info.channels) };
}

/** HEIC, JPEG 2000 and DICOM, which say themselves how they are turned, if at all. */
async function decodeByReader(
  bytes: Uint8Array,
  format: ImageFormat,
  reader: PictureReader,
  { maxPixels }: { maxPixels: number },
): Promise<DecodedImage> {
  const head = await reader.head(bytes);
  checkSize(head, maxPixels);
  checkCost(head, head.cost, maxPixels);
  const { image, reading } = eightBits(await reader.read(bytes));
  return { ...image, format, orientation: 1, pages: head.pages, reading };
}

function decodeBmp(bytes: Uint8Array, { maxPixels }: { maxPixels: number }): DecodedImage {
  const size = bmpSize(bytes);
  if (size) {
    checkSize(size, maxPixels);
    checkCost(size, bytesOfBmp, maxPixels);
  }
  const { image } = eightBits(readBmp(bytes));
  return { ...image, format: "bmp", orientation: 1, pages: 1 };
}

/** Floats, signed numbers, more bands than colours: what sharp does not give as it is. */
async function decodeTiff(
  bytes: Uint8Array,
  head: TiffHead,
  { maxPixels }: { maxPixels: number },
): Promise<DecodedImage> {
  checkSize(head, maxPixels);
  checkCost(head, costOfTiff(head), maxPixels);
  if (head.bands > mostBands)
    throw new AppError(
      "image_format_unsupported",
      `the tiff has ${head.bands} bands; ${mostBands} are the most`,
    );
  const orientation =
    (
      await sharp(bytes, { limitInputPixels: false })
        .metadata()
        .catch(() => null)
    )?.orientation ?? 1;
  const { image, reading } = eightBits(await readTiff(bytes));
  const whiteIsZero = head.photometric === 0 ? image.data.map((value) => 255 - value) : image.data;
  const base = { format: "tiff", orientation, pages: head.pages, reading } as const;
  if (orientation === 1) return { ...base, ...image, data: whiteIsZero };
  const { data, info } = await sharp(whiteIsZero, {
    raw: { width: image.width, height: image.height, channels: 3 },
  })
    .withMetadata({ orientation })
    .png({ compressionLevel: 0 })
    .toBuffer()
    .then((png) => sharp(png).autoOrient().raw().toBuffer({ resolveWithObject: true }));
  return { ...base, width: info.width, height: info.height, data: toRgb(data, info.channels) };
}

/** Bytes a pixel: R, G, B and a fourth as bmp-ts gives them, and R, G, B. */
const bytesOfBmp = 8;

/** Bytes a pixel of what geotiff reads: the samples and what is made of them. */
const costOfTiff = ({ bands, bits }: TiffHead): number => (bands * Math.max(8, bits)) / 8 + 4;

/** libvips takes a TIFF that does not tell for one strip. */
const withParts = (header: Metadata, bytes: Uint8Array, format: ImageFormat): Metadata & Header =>
  format === "tiff" ? { ...header, partRows: tiffPartRows(bytes) ?? header.height } : header;

/**
 * Bytes of memory that decodeImage takes for this file at most, by its header: none for one that it can't read. The parts
 * of a TIFF that is given by its path are not looked at.
 */
export async function decodeBytes(file: Uint8Array | string, limits: { maxPixels: number }): Promise<number> {
  try {
    const most = mostDecodeBytes(limits.maxPixels);
    const format = typeof file === "string" ? null : sniff(file);
    const reader = format && readerOf(format);
    if (reader && typeof file !== "string") {
      const { width, height, cost } = await reader.head(file);
      return width * height > limits.maxPixels ? 0 : Math.min(cost * width * height, most);
    }
    if (typeof file !== "string" && format === "bmp") {
      const size = bmpSize(file);
      return size ? Math.min(bytesOfBmp * size.width * size.height, most) : 0;
    }
    const header = await sharp(file, { limitInputPixels: false }).metadata();
    const { width, height } = header;
    if (width * height > limits.maxPixels) return 0;
    const whole = { ...header, partRows: height };
    const cost = decodeCost(
      format === "tiff" && typeof file !== "string" ? withParts(header, file, format) : whole,
    );
    return Math.min(cost * width * height, most);
  } catch {
    return 0;
  }
}

/** Pixels of a row at most where another kind of file would take less: a JPEG has no more. */
const widest = 65_535;

/** Throws AppError image_too_many_pixels. `cost`: bytes of memory a pixel. */
export function checkCost(
  { width, height }: { width: number; height: number },
  cost: number,
  maxPixels: number,
): void {
  const most = mostDecodeBytes(maxPixels);
  if (cost * width * height <= most) return;
  const advice =
    width > widest
      ? "Cut it into pictures that are less wide."
      : "Save it as a baseline JPEG, or as a PNG of 8 bits without interlacing.";
  throw new AppError(
    "image_too_many_pixels",
    `reading ${width} x ${height} pixels of this kind takes about ${inMiB(cost * width * height)} of memory; ${inMiB(most)} are the most, ` +
      `${Math.floor(most / cost / 1e6)} million pixels. ${advice}`,
  );
}

const inMiB = (bytes: number): string => `${Math.ceil(bytes / 1024 ** 2)} MiB`;

/** Throws AppError image_too_many_pixels, image_too_small. */
export function checkSize({ width, height }: { width: number; height: number }, maxPixels: number): void {
  if (width * height > maxPixels) {
    throw new AppError(
      "image_too_many_pixels",
      `the image has ${width} x ${height} pixels; ${maxPixels} in all are the most (MAX_IMAGE_PIXELS)`,
    );
  }
  if (Math.min(width, height) < leastImageSide) {
    throw new AppError(
      "image_too_small",
      `the image has ${width} x ${height} pixels; each side needs ${leastImageSide}`,
    );
  }
}

function toRgb(data: Buffer, channels: number): Uint8Array {
  if (channels === 3) return data;
  if (channels !== 1) throw new Error(`${channels} channels after conversion to sRGB`);
  const rgb = new Uint8Array(data.length * 3);
  for (let i = 0; i < data.length; i++) rgb.fill(data[i] as number, 3 * i, 3 * i + 3);
  return rgb;
}
