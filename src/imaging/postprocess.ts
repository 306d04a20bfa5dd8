import { frameSide, inputSize, lowResSide } from "./coordinates.ts";
import type { BinaryMask, Size } from "./types.ts";

/**
 * Low-res logits [256, 256] (padded frame, row-major) at the original size, row-major [height, width].
 * Source: segment-anything modeling/sam.py, postprocess_masks: bilinear (align_corners=False) to 1024, the padding cropped,
 * bilinear to the original size. Both steps are linear in each axis, so they run as one: three low-res rows to a row, then
 * three values to a pixel.
 */
export function logitsAtSize(lowRes: Float32Array, size: Size): Float32Array {
  const out = new Float32Array(size[0] * size[1]);
  upscale(lowRes, size, (row, y) => out.set(row, y * size[1]));
  return out;
}

/** Foreground (logit > 0) of low-res logits at the original size. */
export function maskAtSize(lowRes: Float32Array, size: Size): BinaryMask {
  const [height, width] = size;
  const data = new Uint8Array(width * height);
  upscale(lowRes, size, (row, y) => {
    for (let x = 0, p = y * width; x < width; x++, p++) data[p] = (row[x] as number) > 0 ? 1 : 0;
  });
  return { width, height, data };
}

function upscale(
  lowRes: Float32Array,
  [height, width]: Size,
  take: (row: Float32Array, y: number) => void,
): void {
  if (lowRes.length !== lowResSide ** 2)
    throw new Error(`low-res logits are [256, 256], found ${lowRes.length} values`);
  const [inputHeight, inputWidth] = inputSize([height, width]);
  const across = tapsOf(inputWidth, width);
  const down = tapsOf(inputHeight, height);
  const narrow = new Float32Array(lowResSide);
  const row = new Float32Array(width);
  const [starts, weights] = [across.start, across.weights];
  for (let y = 0; y < height; y++) {
    const from = (down.start[y] as number) * lowResSide;
    const [a, b, c] = [
      down.weights[3 * y] as number,
      down.weights[3 * y + 1] as number,
      down.weights[3 * y + 2] as number,
    ];
    for (let x = 0; x < lowResSide; x++) {
      narrow[x] =
        a * (lowRes[from + x] as number) +
        b * (lowRes[from + lowResSide + x] as number) +
        c * (lowRes[from + 2 * lowResSide + x] as number);
    }
    for (let x = 0, w = 0; x < width; x++, w += 3) {
      const start = starts[x] as number;
      row[x] =
        (weights[w] as number) * (narrow[start] as number) +
        (weights[w + 1] as number) * (narrow[start + 1] as number) +
        (weights[w + 2] as number) * (narrow[start + 2] as number);
    }
    take(row, y);
  }
}

/** For each pixel of one axis: the first of three neighbouring low-res values, and their weights. */
interface Taps {
  readonly start: Int32Array;
  readonly weights: Float32Array;
}

/** Joins the two interpolations of one axis: 256 to 1024, cropped to `inputSide`, to `side`. */
function tapsOf(inputSide: number, side: number): Taps {
  const start = new Int32Array(side);
  const weights = new Float32Array(3 * side);
  for (let i = 0; i < side; i++) {
    const outer = linear(i, inputSide, side);
    const first = linear(outer.low, lowResSide, frameSide);
    const base = Math.min(first.low, lowResSide - 3);
    start[i] = base;
    const add = (at: number, share: number): void => {
      const { low, high, t } = linear(at, lowResSide, frameSide);
      weights[3 * i + low - base] = (weights[3 * i + low - base] as number) + share * (1 - t);
      weights[3 * i + high - base] = (weights[3 * i + high - base] as number) + share * t;
    };
    add(outer.low, 1 - outer.t);
    add(outer.high, outer.t);
  }
  return { start, weights };
}

/** Where PyTorch's bilinear interpolation (align_corners=False) reads for output `i`, in its own float32 steps. */
function linear(i: number, inSide: number, outSide: number): { low: number; high: number; t: number } {
  const scale = Math.fround(inSide / outSide);
  const source = Math.max(0, Math.fround(Math.fround(scale * Math.fround(i + 0.5)) - 0.5));
  const low = Math.min(Math.floor(source), inSide - 1);
  return { low, high: Math.min(low + 1, inSide - 1), t: Math.min(1, Math.max(0, Math.fround(source - low))) };
}
