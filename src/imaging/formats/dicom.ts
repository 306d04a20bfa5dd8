import type { SampleArray } from "../types.ts";
import { type DicomFile, readDicomFile, unread } from "./dicom-file.ts";
import { firstFrame, type Frame, isJpeg2000 } from "./dicom-frame.ts";
import { jpeg2000Cost } from "./jpeg2000.ts";
import type { PictureReader, ReadPicture } from "./types.ts";

/**
 * Bytes a pixel: the stored samples and a copy, what grey ones mean, and R, G and B. Measured 9.6 for grey of 16 bits, 6.3 for
 * colours, 14.6 for JPEG 2000 of 16 bits.
 */
function costOf({ bands, bitsAllocated, syntax }: DicomFile): number {
  const meaning = bands === 1 ? 4 : 0;
  if (isJpeg2000(syntax)) return jpeg2000Cost(bands, bitsAllocated) + meaning;
  return bands * 2 * Math.max(1, bitsAllocated / 8) + meaning + 4;
}

/**
 * The first frame of a DICOM file: grey in the units that the file tells (slope and intercept), dark where it is to be seen
 * dark, with the file's own window; or colours. Source: DICOM PS3.3, C.7.6.3.1.2 and C.11.2.1.2.
 */
export const dicom: PictureReader = {
  head: async (bytes) => {
    const file = await readDicomFile(bytes);
    const { width, height, frames } = file;
    return { width, height, pages: frames, cost: costOf(file) };
  },
  read: async (bytes) => {
    const file = await readDicomFile(bytes);
    const frame = await firstFrame(file);
    const { width, height } = file;
    if (frame.data.length < width * height * frame.bands) throw new Error("its frame ends too early");
    return { width, height, ...shown(file, frame) };
  },
};

function shown(file: DicomFile, frame: Frame): Omit<ReadPicture, "width" | "height"> {
  const { photometric, bitsAllocated } = file;
  if (bitsAllocated === 1 && frame.bands === 1) return { bands: 1, data: frame.data, window: [0, 1] };
  if (frame.bands === 1 && photometric === "PALETTE COLOR")
    return { bands: 3, data: throughPalette(file, frame.data) };
  if (frame.bands === 1) return grey(file, frame.data);
  if (frame.bands !== 3) throw unread(`${frame.bands} bands`);
  if (frame.isRgb || photometric === "RGB") return { bands: 3, data: frame.data };
  if (photometric === "YBR_FULL" && frame.data instanceof Uint8Array)
    return { bands: 3, data: fromYbr(frame.data) };
  throw unread(`colours as ${photometric}`);
}

function grey(
  { photometric, slope, intercept, window }: DicomFile,
  data: SampleArray,
): { bands: 1 } & Pick<ReadPicture, "data" | "window"> {
  const isInverse = photometric === "MONOCHROME1";
  // As a viewer shows eight bits that say nothing more.
  if (isInverse && !window && data instanceof Uint8Array) return { bands: 1, data: data.map((v) => 255 - v) };
  const isPlain = slope === 1 && intercept === 0 && !isInverse;
  const sign = isInverse ? -1 : 1;
  const values = isPlain ? data : new Float32Array(data.length);
  // In a loop: Float32Array.from makes a list of all numbers first.
  if (!isPlain)
    for (let i = 0; i < data.length; i++) values[i] = sign * ((data[i] as number) * slope + intercept);
  if (!window) return { bands: 1, data: values };
  const [centre, width] = window;
  // A window from 0 to 255 has the centre 128 and the width 256.
  const [low, high] = [centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2];
  return { bands: 1, data: values, window: isInverse ? [-high, -low] : [low, high] };
}

/** 8 bits, as JPEG's. */
function fromYbr(data: Uint8Array): Uint8Array {
  const out = new Uint8ClampedArray(data.length);
  for (let i = 0; i < data.length; i += 3) {
    const [y, b, r] = [data[i] as number, (data[i + 1] as number) - 128, (data[i + 2] as number) - 128];
    out[i] = y + 1.402 * r;
    out[i + 1] = y - 0.344136 * b - 0.714136 * r;
    out[i + 2] = y + 1.772 * b;
  }
  return new Uint8Array(out.buffer);
}

const palette = {
  descriptors: ["x00281101", "x00281102", "x00281103"],
  data: ["x00281201", "x00281202", "x00281203"],
} as const;

/** Source: DICOM PS3.3, C.7.6.3.1.5: entries, the first number that has one, bits of an entry. */
function throughPalette({ dataSet }: DicomFile, data: SampleArray): Uint8Array {
  const tables = palette.descriptors.map((tag, band) => {
    const element = dataSet.elements[palette.data[band] as string];
    const [entries = 0, first = 0, bits = 16] = [0, 1, 2].map((i) => dataSet.uint16(tag, i));
    const count = entries === 0 ? 65_536 : entries;
    if (!element || element.length < (count * bits) / 8) throw new Error("its palette is not whole");
    const at = (i: number): number =>
      bits === 8
        ? (dataSet.byteArray[element.dataOffset + i] as number)
        : (dataSet.byteArray[element.dataOffset + 2 * i + 1] as number);
    return { first, values: Uint8Array.from({ length: count }, (_, i) => at(i)) };
  });
  const out = new Uint8Array(data.length * 3);
  for (const [band, { first, values }] of tables.entries())
    for (let i = 0; i < data.length; i++) {
      const place = Math.min(values.length - 1, Math.max(0, (data[i] as number) - first));
      out[3 * i + band] = values[place] as number;
    }
  return out;
}
