import { logitsOfPart, nothing } from "./area-logits.ts";
import type { LogitsMask, LogitsSource, Size } from "./types.ts";

/** Pixels that are made at a time: a few milliseconds' worth, and a megabyte. */
const bandPixels = 256 * 1024;

/** A copy of numbers on shared memory, which leaves its worker without a further copy. */
export function shared(values: Float32Array): Float32Array {
  const copy = new Float32Array(new SharedArrayBuffer(values.byteLength));
  copy.set(values);
  return copy;
}

/**
 * Logits of an image of `size` that are not written yet: of `area` alone, row-major, or low-res logits [256, 256] of it.
 * Elsewhere is background. `withText` gives them their text.
 */
export const logitsFrom = ({ data, area, lowRes }: LogitsSource, size: Size): LogitsMask => ({
  format: "logits",
  shape: [size[0], size[1]],
  dtype: "float32",
  data: "",
  source: { data: shared(data), area, lowRes },
});

/** The same mask with its text, which is made when it is first read; a mask that has its text is returned itself. */
export function withText(mask: LogitsMask): LogitsMask {
  const { source, ...rest } = mask;
  if (!source) return mask;
  let text: string | undefined;
  return Object.defineProperty({ ...rest, source }, "data", {
    get: () => (text ??= Buffer.concat([...textOf(source, mask.shape)]).toString("latin1")),
  });
}

/** Characters of `textOf` in all. */
export const textLength = ([height, width]: Size): number => 4 * Math.ceil((height * width * 4) / 3);

/** Base64 of little-endian float32, row-major [height, width], some rows at a time, as ASCII. */
export function* textOf(source: LogitsSource, size: Size): Generator<Buffer> {
  const [height, width] = size;
  const rows = Math.max(1, Math.floor(bandPixels / width));
  let rest: Buffer = Buffer.alloc(0);
  for (let y = 0; y < height; y += rows) {
    const band = bandOf(source, width, y, Math.min(height, y + rows));
    const bytes = Buffer.from(band.buffer, band.byteOffset, band.byteLength);
    const all = rest.length > 0 ? Buffer.concat([rest, bytes]) : bytes;
    // Three bytes are four characters; what is over goes with the next rows.
    const whole = y + rows >= height ? all.length : all.length - (all.length % 3);
    rest = all.subarray(whole);
    yield Buffer.from(all.toString("base64", 0, whole), "latin1");
  }
}

/** Rows [from, to) of the image. */
function bandOf({ data, area, lowRes }: LogitsSource, width: number, from: number, to: number): Float32Array {
  const [left, top, right, bottom] = area;
  const [areaWidth, areaHeight] = [right - left, bottom - top];
  const [y0, y1] = [Math.max(from, top), Math.min(to, bottom)];
  const out = new Float32Array((to - from) * width).fill(nothing);
  if (y1 <= y0) return out;
  const own = [areaHeight, areaWidth] as const;
  const rows = lowRes
    ? logitsOfPart(data, { region: own, to: own, fit: lowRes }, [0, y0 - top, areaWidth, y1 - top])
    : data.subarray((y0 - top) * areaWidth, (y1 - top) * areaWidth);
  for (let y = y0, at = 0; y < y1; y++, at += areaWidth)
    out.set(rows.subarray(at, at + areaWidth), (y - from) * width + left);
  return out;
}
