import { AppError } from "../../lib/errors.ts";
import type { SampleArray } from "../types.ts";
import type { PictureHead, PictureReader, ReadPicture } from "./types.ts";

interface Component {
  readonly bits: number;
  readonly isSigned: boolean;
  readonly isReduced: boolean;
}

interface Codestream {
  readonly width: number;
  readonly height: number;
  readonly components: readonly Component[];
}

const boxes = { codestream: 0x6a703263, header: 0x6a703268, palette: 0x70636c72 } as const;
const [startOfCodestream, sizeMarker] = [0xff4f, 0xff51];

/**
 * Bytes that a sample takes: OpenJPEG's integers, the bytes made of them, and their copy. Measured 8.2 with 8 bits and 11 with
 * 16, R, G and B of the result included.
 */
const costOf = { eight: 9, sixteen: 12 } as const;

/**
 * JPEG 2000, as .jp2 or a bare codestream, by OpenJPEG in WebAssembly: one or three components of 1 to 16 bits.
 * Source: ISO/IEC 15444-1, annexes A.5.1 (SIZ) and I.4 (boxes).
 */
export const jpeg2000: PictureReader = {
  head: async (bytes) => jpeg2000Head(bytes),
  read: async (bytes) => {
    jpeg2000Head(bytes);
    return decodeJpeg2000(bytes);
  },
};

/** By the codestream's own header. Throws AppError image_format_unsupported, or an Error. */
export function jpeg2000Head(bytes: Uint8Array): PictureHead {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const file = codestreamAt(view);
  const { width, height, components } = sizeOf(view, file.at);
  const count = components.length;
  if (count !== 1 && count !== 3) throw unread(`${count} components`);
  if (components.some(({ isReduced }) => isReduced)) throw unread("colours at a lower resolution");
  const bits = Math.max(...components.map((component) => component.bits));
  if (bits > 16) throw unread(`${bits} bits a sample`);
  if (file.columns !== null && ![1, 3].includes(file.columns))
    throw unread(`a palette of ${file.columns} bands`);
  const shown = file.columns ?? count;
  return { width, height, pages: 1, cost: jpeg2000Cost(shown, bits) };
}

/** Where the codestream begins, and how many bands each place has in the palette that its values are places of. */
function codestreamAt(view: DataView): { at: number; columns: number | null } {
  if (view.getUint16(0) === startOfCodestream) return { at: 0, columns: null };
  let columns: number | null = null;
  for (let at = 0; at + 8 <= view.byteLength;) {
    const { type, from, to } = boxAt(view, at, view.byteLength);
    if (type === boxes.codestream) return { at: from, columns };
    if (type === boxes.header)
      for (let inner = from; inner + 8 <= to;) {
        const box = boxAt(view, inner, to);
        // Behind the number of its entries.
        if (box.type === boxes.palette) columns ??= view.getUint8(box.from + 2);
        inner = box.to;
      }
    at = to;
  }
  throw new Error("it has no codestream");
}

function boxAt(view: DataView, at: number, end: number): { type: number; from: number; to: number } {
  const [length, type] = [view.getUint32(at), view.getUint32(at + 4)];
  const long = length === 1;
  const bytes = length === 0 ? end - at : long ? Number(view.getBigUint64(at + 8)) : length;
  if (bytes < (long ? 16 : 8)) throw new Error("a box of it is shorter than its header");
  return { type, from: at + (long ? 16 : 8), to: Math.min(end, at + bytes) };
}

function sizeOf(view: DataView, at: number): Codestream {
  if (view.getUint16(at) !== startOfCodestream || view.getUint16(at + 2) !== sizeMarker)
    throw new Error("its codestream has no size");
  const u32 = (from: number): number => view.getUint32(at + from);
  const [width, height] = [u32(8) - u32(16), u32(12) - u32(20)];
  const components = Array.from({ length: view.getUint16(at + 40) }, (_, i): Component => {
    const [depth, stepX, stepY] = [0, 1, 2].map((byte) => view.getUint8(at + 42 + 3 * i + byte)) as [
      number,
      number,
      number,
    ];
    return { bits: (depth & 0x7f) + 1, isSigned: depth > 0x7f, isReduced: stepX !== 1 || stepY !== 1 };
  });
  return { width, height, components };
}

/** R, G and B, and what is rounded up. */
const ofResult = 4;

/** Bytes a pixel that decoding takes. */
export const jpeg2000Cost = (bands: number, bits: number): number =>
  bands * (bits > 8 ? costOf.sixteen : costOf.eight) + ofResult;

const unread = (what: string): AppError =>
  new AppError(
    "image_format_unsupported",
    `the JPEG 2000 has ${what}, which is not read; save it as PNG or TIFF`,
  );

/** Throws an Error for what OpenJPEG can't decode. */
export async function decodeJpeg2000(bytes: Uint8Array): Promise<ReadPicture> {
  const { default: load } = await import("@cornerstonejs/codec-openjpeg/decodewasmjs");
  const quiet = (): void => {};
  // A module of its own, since its memory grows and never shrinks.
  const { J2KDecoder } = await load({ print: quiet, printErr: quiet });
  const decoder = new J2KDecoder();
  try {
    decoder.getEncodedBuffer(bytes.length).set(bytes);
    decoder.decode();
  } catch {
    // What is thrown is the number of a C++ exception.
    throw new Error("OpenJPEG can't decode it");
  }
  const { width, height, componentCount, bitsPerSample, isSigned } = decoder.getFrameInfo();
  const found = decoder.getDecodedBuffer();
  const expected = width * height * componentCount * (bitsPerSample > 8 ? 2 : 1);
  if (expected === 0 || found.length < expected) throw new Error("OpenJPEG found no whole picture in it");
  if (decoder.getColorSpace() === ycc) throw unread("colours as luma and chroma");
  const copy = new Uint8Array(found.subarray(0, expected));
  return { width, height, bands: componentCount, data: numbersOf(copy, bitsPerSample, isSigned) };
}

/** OpenJPEG's OPJ_CLRSPC_SYCC. */
const ycc = 3;

function numbersOf(bytes: Uint8Array, bits: number, isSigned: boolean): SampleArray {
  if (bits > 8) return isSigned ? new Int16Array(bytes.buffer) : new Uint16Array(bytes.buffer);
  if (isSigned) return new Int8Array(bytes.buffer);
  const most = 2 ** bits - 1;
  return bits === 8 ? bytes : bytes.map((value) => Math.round((value * 255) / most));
}
