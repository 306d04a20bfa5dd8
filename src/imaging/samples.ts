/**
 * The samples of a picture file as they are stored, whatever their depth and number of bands: what pictures and masks are
 * both made from. sharp reads what it reads right; BMP and TIFF's numeric kinds have readers of their own.
 */
import { decode as decodeBmp } from "bmp-ts";
import type * as GeoTiff from "geotiff";
import sharp from "sharp";
import { AppError, messageOf } from "../lib/errors.ts";
import { readerOf } from "./formats/readers.ts";
import type { ImageFormat } from "./sniff.ts";
import type { SampleArray, Samples } from "./types.ts";

/** A BMP of 1 to 32 bits, as R, G, B; its fourth byte is no alpha that anybody agrees on. Throws AppError image_unreadable. */
export function readBmp(bytes: Uint8Array): Samples {
  try {
    const { width, height, data } = decodeBmp(Buffer.from(bytes), { toRGBA: true });
    const pixels = Math.abs(width * height);
    const rgb = new Uint8Array(pixels * 3);
    for (let i = 0; i < pixels; i++) {
      rgb[3 * i] = data[4 * i] as number;
      rgb[3 * i + 1] = data[4 * i + 1] as number;
      rgb[3 * i + 2] = data[4 * i + 2] as number;
    }
    return { width, height: Math.abs(height), bands: 3, data: rgb };
  } catch (error) {
    throw new AppError("image_unreadable", `the bmp can't be read: ${messageOf(error)}`, { cause: error });
  }
}

/** Width and height of a BMP by its header; null where it has none. */
export function bmpSize(bytes: Uint8Array): { width: number; height: number } | null {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length < 26) return null;
  if (view.readUInt32LE(14) === 12) return { width: view.readUInt16LE(18), height: view.readUInt16LE(20) };
  return { width: Math.abs(view.readInt32LE(18)), height: Math.abs(view.readInt32LE(22)) };
}

let geotiff: Promise<typeof GeoTiff> | undefined;

/**
 * geotiff, once a TIFF needs it. web-worker, which it brings for threads that are not used here, would take a worker
 * thread of ours for one of its own and end it: where there is a Worker already it keeps out.
 */
async function loadGeotiff(): Promise<typeof GeoTiff> {
  const scope = globalThis as { Worker?: unknown };
  if (scope.Worker !== undefined) return import("geotiff");
  scope.Worker = Object;
  try {
    return await import("geotiff");
  } finally {
    delete scope.Worker;
  }
}

async function openTiff(bytes: Uint8Array) {
  geotiff ??= loadGeotiff();
  return (await geotiff).fromArrayBuffer(exactBuffer(bytes));
}

/** What the first directory of a TIFF says. */
export interface TiffHead {
  readonly width: number;
  readonly height: number;
  readonly bands: number;
  readonly bits: number;
  /** TIFF's SampleFormat: 1 unsigned, 2 signed, 3 floating point. */
  readonly sampleFormat: number;
  /** Whether a band is declared as alpha (ExtraSamples 1 or 2). */
  readonly alpha: boolean;
  /** TIFF's PhotometricInterpretation: 0 white is zero, 1 black is zero, 2 RGB, 3 palette, 5 CMYK, 6 YCbCr. */
  readonly photometric: number;
  /** TIFF's Compression. */
  readonly compression: number;
  readonly pages: number;
}

/** Throws an Error for bytes that are no TIFF. */
export async function tiffHead(bytes: Uint8Array): Promise<TiffHead> {
  const tiff = await openTiff(bytes);
  const image = await tiff.getImage(0);
  const directory = image.getFileDirectory();
  const value = async (tag: number): Promise<number[]> => {
    if (!directory.hasTag(tag)) return [];
    const found = (await directory.loadValue(tag)) as number | ArrayLike<number>;
    return typeof found === "number" ? [found] : Array.from(found);
  };
  return {
    width: image.getWidth(),
    height: image.getHeight(),
    bands: image.getSamplesPerPixel(),
    bits: (await value(258))[0] ?? 1,
    sampleFormat: (await value(339))[0] ?? 1,
    alpha: (await value(338)).some((kind) => kind === 1 || kind === 2),
    photometric: (await value(262))[0] ?? 1,
    compression: (await value(259))[0] ?? 1,
    pages: await tiff.getImageCount(),
  };
}

/** Whether sharp gives this TIFF's samples as they are: 8 and 16 bits unsigned of bands that it knows. */
export const sharpReads = ({ bits, sampleFormat, bands, alpha, photometric }: TiffHead): boolean =>
  bits <= 16 &&
  bits !== 12 &&
  sampleFormat === 1 &&
  (photometric === 5 ? bands === 4 : bands <= 3 ? bands !== 2 || alpha : bands === 4 && alpha);

/** A TIFF's samples of one page, by geotiff. Throws AppError image_unreadable or image_format_unsupported. */
export async function readTiff(bytes: Uint8Array, page = 0): Promise<Samples> {
  try {
    const tiff = await openTiff(bytes);
    const image = await tiff.getImage(page);
    const data = (await image.readRasters({ interleave: true })) as unknown as SampleArray;
    return { width: image.getWidth(), height: image.getHeight(), bands: image.getSamplesPerPixel(), data };
  } catch (error) {
    throw new AppError("image_unreadable", `the tiff can't be read: ${messageOf(error)}`, { cause: error });
  }
}

/** 8 or 16 bits a sample, as stored: no profile, no gamma, transparent or not. Throws sharp's Error. */
export async function readSharp(bytes: Uint8Array, limits: { maxPixels: number }): Promise<Samples> {
  const image = sharp(bytes, { limitInputPixels: limits.maxPixels, failOn: "truncated" });
  const { depth, channels } = await image.metadata();
  const deep = depth === "ushort";
  // Left alone, sharp keeps the upper 8 bits only: 65300 would pass for white.
  const full = deep ? image.toColourspace(channels < 3 ? "grey16" : "rgb16") : image;
  const { data, info } = await full
    .raw({ depth: deep ? "ushort" : "uchar" })
    .toBuffer({ resolveWithObject: true });
  const values = deep ? new Uint16Array(data.buffer, data.byteOffset, data.length / 2) : data;
  return { width: info.width, height: info.height, bands: info.channels, data: values };
}

/** The samples of any picture file that is read. Throws AppError, or sharp's Error. */
export async function readSamples(
  bytes: Uint8Array,
  format: ImageFormat,
  limits: { maxPixels: number },
): Promise<Samples> {
  const reader = readerOf(format);
  if (reader) return reader.read(bytes);
  if (format === "bmp") return readBmp(bytes);
  if (format === "tiff" && !sharpReads(await tiffHead(bytes))) return readTiff(bytes);
  return readSharp(bytes, limits);
}

/** The bytes alone; a file's own buffer is not copied, as it may be hundreds of megabytes. */
function exactBuffer({ buffer, byteOffset, byteLength }: Uint8Array): ArrayBuffer {
  if (byteOffset === 0 && byteLength === buffer.byteLength) return buffer as ArrayBuffer;
  return buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
}
