import { crc32 } from "node:zlib";
import sharp from "sharp";
import { AppError, messageOf } from "../lib/errors.ts";
import { mostDecodeBytes } from "./decode-cost.ts";
import type { LabelMap } from "./label-map.ts";
import { readerOf } from "./formats/readers.ts";
import { pngSize, readPng } from "./png-reader.ts";
import { bmpSize, readSamples, tiffHead } from "./samples.ts";
import type { Samples } from "./types.ts";
import { foreignFormat, type ImageFormat, sniff } from "./sniff.ts";

/** The values of a mask file, whatever they mean. */
export interface MaskValues extends LabelMap {
  readonly format: ImageFormat;
  /**
   * `grey`: samples; `index`: places in a palette; `colour`: 0xRRGGBB; `cutout`: 1 where a picture is opaque, as its
   * transparency says.
   */
  readonly kind: "grey" | "index" | "colour" | "cutout";
  /** 0xRRGGBB by place, of a palette. */
  readonly palette: readonly number[] | null;
}

export interface FileSize {
  readonly width: number;
  readonly height: number;
  /** Bytes of memory a pixel that reading takes, where a decoder keeps the whole picture. */
  readonly cost?: number;
}

/** The size that a mask file's header says, before a pixel is unpacked. Throws AppError mask_png_invalid. */
export async function maskSize(bytes: Uint8Array): Promise<FileSize> {
  const format = formatOf(bytes);
  try {
    const reader = readerOf(format);
    if (reader) return await reader.head(bytes);
    if (format === "bmp") {
      const size = bmpSize(bytes);
      if (!size) throw new Error("it ends within its header");
      return size;
    }
    if (format === "tiff") return await tiffHead(bytes);
    const png = format === "png" ? pngSize(bytes) : null;
    if (png) return png;
    const { width, height } = await sharp(bytes, { limitInputPixels: false }).metadata();
    return { width, height };
  } catch (error) {
    throw unreadable(format, error);
  }
}

/** A mask file of any format that keeps pictures, of 1 to 32 bits a sample. Throws AppError mask_png_invalid. */
export async function readMaskValues(bytes: Uint8Array, limits: { maxPixels: number }): Promise<MaskValues> {
  const format = formatOf(bytes);
  try {
    const { cost = 0, ...size } = await maskSize(bytes);
    const pixels = size.width * size.height;
    if (pixels > limits.maxPixels)
      throw new AppError("mask_png_invalid", `the mask has more than ${limits.maxPixels} pixels`);
    const most = mostDecodeBytes(limits.maxPixels);
    if (cost * pixels > most)
      throw new AppError(
        "mask_png_invalid",
        `a mask of ${size.width} x ${size.height} pixels takes too much memory as ${format}: ${Math.floor(most / cost / 1e6)} million are the most; save it as PNG`,
      );
    const plain = format === "png" ? readPng(bytes, limits) : null;
    if (plain?.palette) {
      const { width, height, palette, data } = plain;
      return { width, height, format, kind: "index", palette, values: data as Uint8Array };
    }
    if (plain) return valuesOf(plain, format, 8);
    const png = format === "png" ? pngHead(bytes) : null;
    if (png && png.colourType === 3) {
      const { width, height, bands, data } = await readSamples(withoutPalette(bytes), "png", limits);
      const values = unscaled(firstBand(data, bands), png.bits);
      return { width, height, format, kind: "index", palette: png.palette, values };
    }
    return valuesOf(await readSamples(bytes, format, limits), format, png?.bits ?? 8);
  } catch (error) {
    throw error instanceof AppError ? error : unreadable(format, error);
  }
}

function formatOf(bytes: Uint8Array): ImageFormat {
  const format = sniff(bytes);
  if (format) return format;
  const foreign = foreignFormat(bytes);
  throw new AppError(
    "mask_png_invalid",
    foreign ? `the mask is ${foreign.name}; ${foreign.advice}` : "the mask is no picture that is read",
    { param: "data" },
  );
}

const unreadable = (format: string, error: unknown): AppError =>
  error instanceof AppError
    ? error
    : new AppError("mask_png_invalid", `the ${format} can't be read: ${messageOf(error)}`, {
        param: "data",
        cause: error,
      });

function valuesOf({ width, height, bands, data }: Samples, format: ImageFormat, bits: number): MaskValues {
  const base = { width, height, format, palette: null };
  const pixels = width * height;
  const colours = bands >= 3 ? 3 : 1;
  if (bands === 2 || bands === 4) {
    const cut = cutout(data, bands, pixels);
    if (cut) return { ...base, kind: "cutout", values: cut };
  }
  let grey = true;
  if (colours === 3)
    for (let i = 0, p = 0; grey && i < pixels; i++, p += bands)
      grey = data[p] === data[p + 1] && data[p] === data[p + 2];
  if (grey) return { ...base, kind: "grey", values: wholeNumbers(data, bands, pixels, bits) };
  const shift = data instanceof Uint8Array ? 0 : 8;
  const values = new Uint32Array(pixels);
  for (let i = 0, p = 0; i < pixels; i++, p += bands)
    values[i] =
      (((data[p] as number) >> shift) << 16) |
      (((data[p + 1] as number) >> shift) << 8) |
      ((data[p + 2] as number) >> shift);
  return { ...base, kind: "colour", values };
}

/** Half and more of the alpha, where there is transparency; null for a picture that is opaque throughout. */
function cutout(data: Samples["data"], bands: number, pixels: number): Uint8Array | null {
  const opaque = data instanceof Uint8Array ? 255 : 65_535;
  const values = new Uint8Array(pixels);
  let [clear, shown] = [false, false];
  for (let i = 0, p = bands - 1; i < pixels; i++, p += bands) {
    const alpha = data[p] as number;
    if (alpha < opaque / 2) clear = true;
    else {
      values[i] = 1;
      shown ||= hasColour(data, p, bands);
    }
  }
  // A black picture with transparent parts is no cut-out of an object: its colours say nothing, its alpha all.
  return clear ? (shown || values.includes(1) ? values : new Uint8Array(pixels)) : null;
}

const hasColour = (data: Samples["data"], alphaAt: number, bands: number): boolean =>
  data[alphaAt - bands + 1] !== 0;

/** Negative numbers, as some tools mark what they leave out, become background. */
function wholeNumbers(
  data: Samples["data"],
  bands: number,
  pixels: number,
  bits: number,
): Uint8Array | Uint16Array | Uint32Array {
  if (data instanceof Uint8Array && bands === 1) return unscaled(data, bits);
  if (data instanceof Uint16Array && bands === 1) return data;
  // Floats from 0 to 1 are a mask's shares; larger ones are whole numbers that a program kept as floats.
  let most = 0;
  for (let i = 0; i < pixels; i++) most = Math.max(most, data[i * bands] as number);
  const scale = (data instanceof Float32Array || data instanceof Float64Array) && most <= 1 ? 255 : 1;
  if (data instanceof Uint8Array) return unscaled(firstBand(data, bands), bits);
  const values = new Uint32Array(pixels);
  for (let i = 0; i < pixels; i++) values[i] = Math.max(0, Math.round((data[i * bands] as number) * scale));
  return values;
}

function firstBand(data: Samples["data"], bands: number): Uint8Array {
  if (bands === 1) return data as Uint8Array;
  const out = new Uint8Array(data.length / bands);
  for (let i = 0; i < out.length; i++) out[i] = data[i * bands] as number;
  return out;
}

/** libvips spreads samples of fewer than 8 bits over 0 to 255. */
function unscaled(data: Samples["data"], bits: number): Uint8Array | Uint16Array {
  if (!(data instanceof Uint8Array)) return data as Uint16Array;
  if (bits >= 8) return data;
  const step = 255 / (2 ** bits - 1);
  return Uint8Array.from(data, (value) => Math.round(value / step));
}

interface PngHead {
  readonly bits: number;
  readonly colourType: number;
  readonly palette: number[];
}

/** IHDR and PLTE. Source: PNG specification, 11.2.1 and 11.2.2. */
function pngHead(bytes: Uint8Array): PngHead {
  const palette: number[] = [];
  for (const { type, data } of chunksOf(bytes)) {
    if (type === "IDAT") break;
    if (type !== "PLTE") continue;
    for (let i = 0; i + 2 < data.length; i += 3)
      palette.push(((data[i] as number) << 16) | ((data[i + 1] as number) << 8) | (data[i + 2] as number));
  }
  return { bits: bytes[24] ?? 8, colourType: bytes[25] ?? 0, palette };
}

function* chunksOf(bytes: Uint8Array): Generator<{ type: string; data: Uint8Array; all: Uint8Array }> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 8; at + 12 <= bytes.length;) {
    const length = view.getUint32(at);
    const end = Math.min(bytes.length, at + 12 + length);
    const type = Buffer.from(bytes.subarray(at + 4, at + 8)).toString("latin1");
    yield { type, data: bytes.subarray(at + 8, Math.max(at + 8, end - 4)), all: bytes.subarray(at, end) };
    at = end;
  }
}

/** The same PNG as a grey one, so that its samples are places in the palette and not the colours there. */
function withoutPalette(bytes: Uint8Array): Buffer {
  const parts: Uint8Array[] = [bytes.subarray(0, 8)];
  for (const { type, all } of chunksOf(bytes)) {
    if (["PLTE", "tRNS", "bKGD", "hIST", "sPLT", "sBIT"].includes(type)) continue;
    if (type !== "IHDR") {
      parts.push(all);
      continue;
    }
    const header = Buffer.from(all);
    header[17] = 0;
    header.writeUInt32BE(crc32(header.subarray(4, 21)), 21);
    parts.push(header);
  }
  return Buffer.concat(parts);
}
