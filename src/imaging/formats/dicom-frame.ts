import sharp from "sharp";
import type { SampleArray } from "../types.ts";
import { type DicomFile, unread } from "./dicom-file.ts";
import { decodeJpeg2000, jpeg2000Head } from "./jpeg2000.ts";
import { jpegHead, saidRgb } from "./jpeg-head.ts";

/** How pixels lie in the file, by its transfer syntax. Source: DICOM PS3.5, annex A. */
const syntaxes: Readonly<Record<string, "little" | "big" | "rle" | "jpeg" | "lossless" | "jpeg2000">> = {
  "1.2.840.10008.1.2": "little",
  "1.2.840.10008.1.2.1": "little",
  "1.2.840.10008.1.2.2": "big",
  "1.2.840.10008.1.2.5": "rle",
  "1.2.840.10008.1.2.4.50": "jpeg",
  "1.2.840.10008.1.2.4.57": "lossless",
  "1.2.840.10008.1.2.4.70": "lossless",
  "1.2.840.10008.1.2.4.90": "jpeg2000",
  "1.2.840.10008.1.2.4.91": "jpeg2000",
};

export const isJpeg2000 = (syntax: string): boolean => syntaxes[syntax] === "jpeg2000";

/** Names of what is not read, for messages. */
const names: Readonly<Record<string, string>> = {
  "1.2.840.10008.1.2.4.51": "JPEG of 12 bits",
  "1.2.840.10008.1.2.4.80": "lossless JPEG-LS",
  "1.2.840.10008.1.2.4.81": "JPEG-LS",
  "1.2.840.10008.1.2.4.201": "lossless HTJ2K",
  "1.2.840.10008.1.2.4.202": "HTJ2K",
  "1.2.840.10008.1.2.4.203": "HTJ2K",
};

/** The first frame's samples, bands interleaved, as they are stored; colours of a JPEG are R, G and B. */
export interface Frame {
  readonly bands: number;
  readonly data: SampleArray;
  /** Whether the decoder has made R, G and B of luma and chroma. */
  readonly isRgb: boolean;
}

/** Throws AppError image_format_unsupported for a way to compress that is not read, and the decoder's Error. */
export async function firstFrame(file: DicomFile): Promise<Frame> {
  const way = syntaxes[file.syntax];
  switch (way) {
    case "little":
    case "big":
      return { bands: file.bands, data: plain(file, way === "big"), isRgb: false };
    case "rle":
      return { bands: file.bands, data: fromRle(file, await compressed(file)), isRgb: false };
    case "jpeg": {
      const bytes = await compressed(file);
      sameSize(file, jpegHead(bytes));
      const { data, info } = await sharp(file.photometric === "RGB" ? saidRgb(bytes) : bytes, {
        failOn: "truncated",
      })
        .raw()
        .toBuffer({ resolveWithObject: true });
      return { bands: info.channels, data, isRgb: true };
    }
    case "lossless":
      return { bands: file.bands, data: await lossless(file), isRgb: false };
    case "jpeg2000": {
      const bytes = await compressed(file);
      sameSize(file, jpeg2000Head(bytes));
      const { bands, data } = await decodeJpeg2000(bytes);
      return { bands, data: signedAsTold(file, data), isRgb: file.photometric !== "YBR_FULL" };
    }
    default:
      throw unread(
        `pixels as ${names[file.syntax] ?? "something else"} (transfer syntax ${file.syntax || "not told"})`,
        "write them uncompressed (gdcmconv --raw, dcmdjpeg, dcmdjpls), or save its frames as PNG or 16-bit TIFF",
      );
  }
}

/** What the frame itself claims, which is what its decoder makes room for. */
function sameSize(file: DicomFile, { width, height }: { width: number; height: number }): void {
  if (width !== file.width || height !== file.height)
    throw new Error(`its frame is ${width} x ${height}, its header says ${file.width} x ${file.height}`);
}

/** The file's word counts and not the codestream's, which some writers leave unsigned. */
function signedAsTold(file: DicomFile, data: SampleArray): SampleArray {
  const isSigned = data instanceof Int8Array || data instanceof Int16Array;
  if (isSigned === file.isSigned || data.BYTES_PER_ELEMENT !== bytesOfSample(file)) return data;
  return numbers(file, new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength));
}

/** Bytes of a sample as they are allocated; single bits have none of their own. */
const bytesOfSample = ({ bitsAllocated }: DicomFile): number => bitsAllocated / 8;

function plain(file: DicomFile, isBig: boolean): SampleArray {
  const { width, height, bands, bitsAllocated, dataSet, pixels } = file;
  const count = width * height * bands;
  const bytes = Math.ceil((count * bitsAllocated) / 8);
  if (pixels.length < bytes) throw new Error(`${pixels.length} bytes of pixels where ${bytes} are needed`);
  const stored = dataSet.byteArray.subarray(pixels.dataOffset, pixels.dataOffset + bytes);
  if (bitsAllocated === 1)
    return Uint8Array.from({ length: count }, (_, i) => ((stored[i >> 3] as number) >> (i & 7)) & 1);
  const own = new Uint8Array(stored);
  if (isBig && bitsAllocated === 16) Buffer.from(own.buffer).swap16();
  if (isBig && bitsAllocated === 32) Buffer.from(own.buffer).swap32();
  const samples = numbers(file, own);
  return file.isPlanar && bands === 3 ? interleaved(samples, width * height) : samples;
}

/** Stored bytes as numbers: what lies above the stored bits is cut off, or the sign. */
function numbers(file: DicomFile, bytes: Uint8Array<ArrayBuffer>): SampleArray {
  const { bitsAllocated, bitsStored, isSigned } = file;
  const spare = bitsAllocated - bitsStored;
  switch (bitsAllocated) {
    case 8:
      return isSigned ? new Int8Array(bytes.buffer) : bytes;
    case 16: {
      const values = isSigned ? new Int16Array(bytes.buffer) : new Uint16Array(bytes.buffer);
      if (spare > 0 && spare < 16)
        for (let i = 0; i < values.length; i++) {
          const up = (values[i] as number) << (spare + 16);
          values[i] = isSigned ? up >> (spare + 16) : up >>> (spare + 16);
        }
      return values;
    }
    case 32:
      return isSigned ? new Int32Array(bytes.buffer) : new Uint32Array(bytes.buffer);
    default:
      throw unread(`${bitsAllocated} bits a sample`);
  }
}

function interleaved(samples: SampleArray, pixels: number): SampleArray {
  const out = samples.slice();
  for (let band = 0; band < 3; band++)
    for (let i = 0; i < pixels; i++) out[3 * i + band] = samples[band * pixels + i] as number;
  return out;
}

/** The bytes of the first frame, whose fragments may be several. Source: DICOM PS3.5, A.4. */
async function compressed({ dataSet, pixels, frames }: DicomFile): Promise<Uint8Array> {
  const { default: parser } = await import("dicom-parser");
  const fragments = pixels.fragments ?? [];
  if (fragments.length === 0) throw new Error("it has no compressed frame");
  const offsets = pixels.basicOffsetTable ?? [];
  if (frames > 1 && offsets.length > 0) return parser.readEncapsulatedImageFrame(dataSet, pixels, 0);
  const count = frames === 1 ? fragments.length : 1;
  return parser.readEncapsulatedPixelDataFromFragments(dataSet, pixels, 0, count);
}

/** JPEG, process 14: 8 or 16 bits a sample. */
async function lossless(file: DicomFile): Promise<SampleArray> {
  const { default: jpeg } = await import("jpeg-lossless-decoder-js");
  const bytes = new Uint8Array(await compressed(file));
  sameSize(file, jpegHead(bytes));
  const found = new Uint8Array(new jpeg.lossless.Decoder().decompress(bytes.buffer, 0, bytes.byteLength));
  const expected = file.width * file.height * file.bands * bytesOfSample(file);
  if (found.length < expected)
    throw new Error(`${found.length} bytes of pixels where ${expected} are needed`);
  return numbers(file, found.slice(0, expected));
}

/** Byte planes by PackBits, the high byte of each band first. Source: DICOM PS3.5, annex G. */
function fromRle(file: DicomFile, bytes: Uint8Array): SampleArray {
  const pixels = file.width * file.height;
  const width = bytesOfSample(file);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const segments = view.getUint32(0, true);
  if (segments !== file.bands * width) throw new Error(`${segments} segments, not ${file.bands * width}`);
  const out = new Uint8Array(pixels * segments);
  for (let segment = 0; segment < segments; segment++) {
    const [band, high] = [Math.floor(segment / width), segment % width];
    const from = view.getUint32(4 + 4 * segment, true);
    // Numbers are little-endian here, so the high byte is the last.
    const place = band * width + (width - 1 - high);
    unpackBits(bytes.subarray(from), (value, i) => (out[i * segments + place] = value), pixels);
  }
  return numbers(file, out);
}

function unpackBits(packed: Uint8Array, put: (value: number, i: number) => void, count: number): void {
  let done = 0;
  for (let at = 0; done < count;) {
    const control = packed[at++];
    if (control === undefined) throw new Error("its run lengths end too early");
    if (control === 128) continue;
    const isRun = control > 128;
    const length = isRun ? 257 - control : control + 1;
    for (let i = 0; i < length && done < count; i++, done++) put(packed[isRun ? at : at + i] ?? 0, done);
    at += isRun ? 1 : length;
  }
}
