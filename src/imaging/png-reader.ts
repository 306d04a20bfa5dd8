/**
 * PNGs as masks and small pictures are kept, without a decoder's start for each. Source: PNG specification, third edition.
 */
import { crc32, inflateSync } from "node:zlib";
import type { Samples } from "./types.ts";

/** The samples of a PNG as they are stored, and what its header says. */
export interface PngSamples extends Samples {
  /** Bits of a sample; those of fewer than 8 are numbers from 0 up all the same. */
  readonly bits: number;
  /** 0xRRGGBB by place, where samples are places in a palette. */
  readonly palette: readonly number[] | null;
}

interface Opened {
  readonly width: number;
  readonly height: number;
  readonly bits: number;
  readonly bands: number;
  readonly palette: readonly number[] | null;
  /** Bytes of a row, without its filter's. */
  readonly rowBytes: number;
  /** Rows, each behind the number of its filter. */
  readonly rows: Buffer;
  readonly kinds: ReadonlySet<string>;
}

/** More than this is for a decoder that works row by row. */
const mostBytes = 64 * 1024 * 1024;
const bandsOf: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const bitsOf: Readonly<Record<number, readonly number[]>> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};

/**
 * The samples of a PNG; null for one that is interlaced, has a transparent colour, is large, or has any fault: a decoder's
 * task. What a palette says of transparency is passed over.
 */
export function readPng(bytes: Uint8Array, limits: { maxPixels: number }): PngSamples | null {
  const png = openPng(bytes, limits);
  if (!png || (png.palette === null && png.kinds.has("tRNS"))) return null;
  const { width, height, bits, bands, palette } = png;
  const data = unfiltered(png);
  return data && { width, height, bands, bits, palette, data: samplesOf(data, png) };
}

/**
 * The size of a PNG that holds all of its picture, of at most 8 bits a sample and not turned by EXIF; null for all others,
 * faulty or not.
 */
export function checkPng(
  bytes: Uint8Array,
  limits: { maxPixels: number },
): { width: number; height: number } | null {
  const png = openPng(bytes, limits);
  if (!png || png.bits > 8 || png.kinds.has("eXIf")) return null;
  const { width, height, rows, rowBytes } = png;
  for (let at = 0; at < rows.length; at += rowBytes + 1) if ((rows[at] as number) > 4) return null;
  return { width, height };
}

/** Width and height as the header has them; null where there is none. */
export function pngSize(bytes: Uint8Array): { width: number; height: number } | null {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (head.length < 33 || head.toString("latin1", 12, 16) !== "IHDR") return null;
  return { width: head.readUInt32BE(16), height: head.readUInt32BE(20) };
}

function openPng(bytes: Uint8Array, { maxPixels }: { maxPixels: number }): Opened | null {
  const size = pngSize(bytes);
  if (!size || size.width * size.height > maxPixels || size.width * size.height === 0) return null;
  const [bits = 0, colours = 0, compression, filter, interlace] = bytes.subarray(24, 29);
  const bands = bandsOf[colours];
  if (!bands || !bitsOf[colours]?.includes(bits) || compression || filter || interlace) return null;
  const rowBytes = Math.ceil((size.width * bands * bits) / 8);
  const expected = (rowBytes + 1) * size.height;
  if (expected > mostBytes) return null;
  const chunks = chunksOf(bytes);
  if (!chunks) return null;
  const { kinds, palette, packed } = chunks;
  if (kinds.has("acTL") || (colours === 3) !== palette.length > 0) return null;
  try {
    // One chunk for all of it: the usual 16 KiB would be joined afterwards.
    const rows = inflateSync(packed, { maxOutputLength: expected, chunkSize: Math.max(64, expected) });
    if (rows.length !== expected) return null;
    return { ...size, bits, bands, palette: colours === 3 ? palette : null, rowBytes, rows, kinds };
  } catch {
    return null;
  }
}

/** Null where a chunk is damaged, unknown and needed, or missing. */
function chunksOf(
  bytes: Uint8Array,
): { kinds: ReadonlySet<string>; palette: readonly number[]; packed: Buffer } | null {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kinds = new Set<string>();
  const palette: number[] = [];
  const parts: Buffer[] = [];
  for (let at = 8; at + 12 <= all.length;) {
    const end = at + 8 + all.readUInt32BE(at);
    if (end + 4 > all.length || crc32(all.subarray(at + 4, end)) !== all.readUInt32BE(end)) return null;
    const kind = all.toString("latin1", at + 4, at + 8);
    const data = all.subarray(at + 8, end);
    if (kind === "IDAT") parts.push(data);
    else if (kind === "PLTE")
      for (let i = 0; i + 2 < data.length; i += 3) palette.push(data.readUIntBE(i, 3));
    else if (kind === "IEND")
      return { kinds, palette, packed: parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts) };
    else if (/^[A-Z]/.test(kind) && (kind !== "IHDR" || at !== 8)) return null;
    kinds.add(kind);
    at = end + 4;
  }
  return null;
}

/** The rows without their filters, in place; null where one is none that is known. */
function unfiltered({ rows, rowBytes, height, bands, bits }: Opened): Uint8Array | null {
  const step = Math.max(1, (bands * bits) / 8);
  const out = new Uint8Array(rowBytes * height);
  for (let y = 0; y < height; y++) {
    const from = y * (rowBytes + 1);
    const at = y * rowBytes;
    out.set(rows.subarray(from + 1, from + 1 + rowBytes), at);
    if (!undo[rows[from] as number]?.(out, { at, end: at + rowBytes, up: y > 0 ? rowBytes : 0, step }))
      return null;
  }
  return out;
}

interface Row {
  readonly at: number;
  readonly end: number;
  /** How far back the row above lies; 0 where there is none. */
  readonly up: number;
  /** How far back the pixel to the left lies. */
  readonly step: number;
}

/** By the number of the filter. Source: 9.2. */
const undo: readonly ((out: Uint8Array, row: Row) => true)[] = [
  () => true,
  (out, { at, end, step }) => {
    for (let i = at + step; i < end; i++) out[i] = (out[i] as number) + (out[i - step] as number);
    return true;
  },
  (out, { at, end, up }) => {
    if (up > 0) for (let i = at; i < end; i++) out[i] = (out[i] as number) + (out[i - up] as number);
    return true;
  },
  (out, { at, end, up, step }) => {
    for (let i = at; i < end; i++) {
      const left = i - step < at ? 0 : (out[i - step] as number);
      const above = up === 0 ? 0 : (out[i - up] as number);
      out[i] = (out[i] as number) + ((left + above) >> 1);
    }
    return true;
  },
  (out, { at, end, up, step }) => {
    for (let i = at; i < end; i++) {
      const isFirst = i - step < at;
      const left = isFirst ? 0 : (out[i - step] as number);
      const above = up === 0 ? 0 : (out[i - up] as number);
      const corner = isFirst || up === 0 ? 0 : (out[i - up - step] as number);
      const [dl, da, dc] = [
        Math.abs(above - corner),
        Math.abs(left - corner),
        Math.abs(left + above - 2 * corner),
      ];
      out[i] = (out[i] as number) + (dl <= da && dl <= dc ? left : da <= dc ? above : corner);
    }
    return true;
  },
];

function samplesOf(data: Uint8Array, { width, height, bits, bands, rowBytes }: Opened): Samples["data"] {
  if (bits === 8) return data;
  if (bits === 16) {
    const out = new Uint16Array(data.length / 2);
    for (let i = 0; i < out.length; i++)
      out[i] = ((data[2 * i] as number) << 8) | (data[2 * i + 1] as number);
    return out;
  }
  const out = new Uint8Array(width * height * bands);
  const most = (1 << bits) - 1;
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++) {
      const bit = x * bits;
      out[i] = ((data[y * rowBytes + (bit >> 3)] as number) >> (8 - bits - (bit & 7))) & most;
    }
  return out;
}
