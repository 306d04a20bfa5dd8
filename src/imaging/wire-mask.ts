import { withoutHead } from "../lib/base64.ts";
import { AppError } from "../lib/errors.ts";
import { areaOf } from "./geometry.ts";
import { maskToPng, pngToMask, sizeText } from "./mask-png.ts";
import { maskToPolygons, polygonsToMask } from "./polygons.ts";
import { decodeRle, encodeRle } from "./rle.ts";
import type {
  BinaryMask,
  Box,
  LogitsMask,
  MaskFormat,
  PngMask,
  PolygonMask,
  RleMask,
  Size,
  WireMask,
} from "./types.ts";

/**
 * The binary mask that a request sent, in any format; logits count as foreground above 0.
 * `size` is the image's [height, width] and is checked before anything of that size is allocated.
 * Throws AppError mask_size_mismatch, mask_empty, mask_not_binary, mask_rle_invalid, mask_polygon_invalid,
 * mask_png_invalid, mask_logits_invalid (params `mask`, `mask.counts`, `mask.data`, ...).
 */
export async function readMask(wire: WireMask, size: Size): Promise<BinaryMask> {
  try {
    const mask = await read(wire, size);
    if (areaOf(mask) === 0) throw new AppError("mask_empty", "the mask has no foreground pixel");
    return mask;
  } catch (error) {
    throw error instanceof AppError ? error.within("mask") : error;
  }
}

/**
 * A binary mask as an answer carries it. Logits are written by `writeLogits`: a binary mask has none.
 * `polygonTolerance`: see maskToPolygons. `box`: the mask's own, where the caller knows it.
 */
export async function writeMask(
  mask: BinaryMask,
  format: Exclude<MaskFormat, "logits">,
  polygonTolerance = 0,
  box?: Box,
): Promise<RleMask | PolygonMask | PngMask> {
  if (format === "rle") return encodeRle(mask, box);
  if (format === "polygon") return { format, polygons: maskToPolygons(mask, polygonTolerance) };
  return { format, data: (await maskToPng(mask)).toString("base64") };
}

/** Row-major logits of `shape` [height, width] as base64 of little-endian float32. */
export function writeLogits(logits: Float32Array, shape: Size): LogitsMask {
  const bytes = Buffer.from(logits.buffer, logits.byteOffset, logits.byteLength);
  return { format: "logits", shape: [shape[0], shape[1]], dtype: "float32", data: bytes.toString("base64") };
}

/** The values of a logits mask, row-major [height, width]. Throws AppError mask_logits_invalid (param `data` or `shape`). */
export function readLogits(wire: LogitsMask): Float32Array {
  const [height, width] = wire.shape;
  const expected = height * width * 4;
  const invalid = (why: string, param: string) => new AppError("mask_logits_invalid", why, { param });
  if (!Number.isSafeInteger(expected) || height < 1 || width < 1)
    throw invalid(`shape must be [height, width]`, "shape");
  if (wire.data.length > expected * 2 + 8)
    throw invalid(`data is longer than the ${expected} bytes of its shape`, "data");
  const bytes = Buffer.from(wire.data, "base64");
  if (bytes.length !== expected)
    throw invalid(`data has ${bytes.length} bytes, shape ${height} x ${width} needs ${expected}`, "data");
  const values = new Float32Array(height * width);
  new Uint8Array(values.buffer).set(bytes);
  const odd = values.findIndex((value) => !Number.isFinite(value));
  if (odd !== -1) throw invalid(`data has ${values[odd]} at ${odd}`, "data");
  return values;
}

function read(wire: WireMask, size: Size): BinaryMask | Promise<BinaryMask> {
  const [height, width] = size;
  if (wire.format === "png") return pngToMask(Buffer.from(withoutHead(wire.data), "base64"), size);
  if (wire.format === "polygon") return polygonsToMask(wire.polygons, width, height);
  checkMaskSize(wire.format === "rle" ? wire.size : wire.shape, size);
  if (wire.format === "rle") return decodeRle(wire);
  return { width, height, data: Uint8Array.from(readLogits(wire), (value) => (value > 0 ? 1 : 0)) };
}

/** Throws AppError mask_size_mismatch. */
export function checkMaskSize([height, width]: Size, size: Size): void {
  if (height !== size[0] || width !== size[1])
    throw new AppError("mask_size_mismatch", sizeText(width, height, size));
}
