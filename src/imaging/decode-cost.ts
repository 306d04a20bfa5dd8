import type { Metadata } from "sharp";

const MiB = 1024 * 1024;

/** What is made of every pixel in the end: R, G and B. */
const ofResult = 3;
/** Lines that are under way, and what malloc rounds up, a pixel; measured .2 to .5, with 16 bits .8 to 1.1. */
const underWay = { uchar: 0.5, ushort: 1.2 } as const;
/**
 * Rows that libvips keeps of its steps together, and how often a picture's own where it has fewer; measured 335 to 490, and
 * .9 to 1.7. They are most of what a picture takes that is wider than high.
 */
const rowsKept = { most: 500, ofHeight: 1.75 } as const;
/** libwebp decodes into memory of its own, and libvips out of that; measured 7.4, with transparency 8.7. */
const ofWebp = { opaque: 7.5, transparent: 9 } as const;

/** geotiff, which reads a TIFF's directory: about 6 MB for the first, .3 a pixel of the pictures that were measured. */
const ofTiffReader = 0.4;

/** Samples of a pixel that a JPEG keeps. */
const jpegSamples: Readonly<Record<string, number>> = { "4:2:0": 1.5, "4:2:2": 2, "4:4:4": 3, "4:4:4:4": 4 };

/** A picture's header, as sharp reads it; of a TIFF, the rows of a strip or tile. */
export type Header = Pick<
  Metadata,
  | "format"
  | "width"
  | "height"
  | "channels"
  | "depth"
  | "isProgressive"
  | "chromaSubsampling"
  | "hasAlpha"
  | "orientation"
> & { readonly partRows?: number | undefined };

/**
 * Bytes of memory a pixel that decodeImage takes for this picture, besides the file: what is made, and what has to be whole
 * before the first line of it can be. test/imaging/decode-cost.test.ts measures it.
 */
export function decodeCost(header: Header): number {
  const { depth, orientation = 1 } = header;
  const turned = orientation > 1 ? bytesOf(header) : 0;
  const reader = header.format === "tiff" ? ofTiffReader : 0;
  const margin = reader + (depth === "ushort" ? underWay.ushort : underWay.uchar);
  // Samples of 16 bits are whole in memory before it is known how far they reach.
  const deep = depth === "ushort" ? 2 * (header.channels < 3 ? 1 : 3) : 0;
  return ofResult + deep + Math.max(turned, wholeBytes(header)) + rowsOf(header) * bytesOf(header) + margin;
}

/** The same of a picture that is read through and not kept (look-through.ts). */
export const lookCost = (header: Header): number =>
  wholeBytes(header) + rowsOf(header) * bytesOf(header) + underWay.uchar;

function wholeBytes(header: Header): number {
  const { format, isProgressive, channels, chromaSubsampling = "", hasAlpha, height, partRows = 0 } = header;
  if (format === "webp") return hasAlpha ? ofWebp.transparent : ofWebp.opaque;
  // Two rows of its parts are kept at a time.
  if (format === "tiff") return bytesOf(header) * Math.min(2, (2 * partRows) / height);
  if (!isProgressive) return 0;
  // Every coefficient of a progressive JPEG, two bytes each; every sample of an interlaced PNG.
  return format === "jpeg" ? 2 * (jpegSamples[chromaSubsampling] ?? channels) : bytesOf(header);
}

const rowsOf = ({ height }: Header): number => Math.min(rowsKept.ofHeight, rowsKept.most / height);

const bytesOf = ({ channels, depth }: Header): number => channels * (depth === "ushort" ? 2 : 1);

/** Bytes that decoding one picture may take where it may have so many pixels: enough for them line by line. */
export const mostDecodeBytes = (maxPixels: number): number => Math.max(384 * MiB, 4.5 * maxPixels);

/**
 * Rows of a classic TIFF's tiles, or of its strips; undefined where its directory can't be read, as of a BigTIFF.
 * Source: TIFF 6.0, sections 2, 8 and 15.
 */
export function tiffPartRows(file: Uint8Array): number | undefined {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  try {
    const little = view.getUint8(0) === 0x49;
    if (view.getUint16(2, little) !== 42) return undefined;
    const directory = view.getUint32(4, little);
    const entries = view.getUint16(directory, little);
    let rows: number | undefined;
    for (let i = 0; i < entries; i++) {
      const at = directory + 2 + 12 * i;
      const tag = view.getUint16(at, little);
      if (tag !== rowsPerStrip && tag !== tileLength) continue;
      rows =
        view.getUint16(at + 2, little) === shortType
          ? view.getUint16(at + 8, little)
          : view.getUint32(at + 8, little);
    }
    return rows;
  } catch {
    return undefined;
  }
}

const [rowsPerStrip, tileLength, shortType] = [278, 323, 3];
