import type { RgbImage } from "./types.ts";

/** Bits behind the point of a coefficient: Pillow keeps 8 for the result and 2 for overflow of 32. */
const precision = 22;

/**
 * Pillow's `Image.resize((width, height), BILINEAR)` of an 8-bit RGB image, byte for byte: a triangle filter that widens
 * with the reduction (so it is antialiased), in fixed point, first across, then down, rounded to 8 bits after each.
 * SAM's own preprocessing uses it, and an embedding moves visibly with another filter.
 * Source: Pillow src/libImaging/Resample.c, precompute_coeffs and the 8bpc passes.
 */
export function resizeBilinear(image: RgbImage, width: number, height: number): RgbImage {
  const across = width === image.width ? image : resizeAcross(image, width);
  return height === image.height ? across : resizeDown(across, height);
}

/** For each output position: the first input position, how many, and their fixed-point weights. */
interface Filter {
  readonly first: Int32Array;
  readonly count: Int32Array;
  /** `stride` weights to an output position. */
  readonly weights: Int32Array;
  readonly stride: number;
}

function triangleFilter(inSide: number, outSide: number): Filter {
  const scale = inSide / outSide;
  const support = Math.max(scale, 1);
  const stride = Math.ceil(support) * 2 + 1;
  const [first, count] = [new Int32Array(outSide), new Int32Array(outSide)];
  const weights = new Int32Array(outSide * stride);
  const exact = new Float64Array(stride);
  for (let i = 0; i < outSide; i++) {
    const centre = (i + 0.5) * scale;
    const low = Math.max(0, Math.trunc(centre - support + 0.5));
    const n = Math.min(inSide, Math.trunc(centre + support + 0.5)) - low;
    let sum = 0;
    for (let j = 0; j < n; j++) {
      // Pillow multiplies by the reciprocal; a division would round differently.
      exact[j] = Math.max(0, 1 - Math.abs((j + low - centre + 0.5) * (1 / support)));
      sum += exact[j] as number;
    }
    for (let j = 0; j < n; j++)
      weights[i * stride + j] = Math.trunc(0.5 + ((exact[j] as number) / sum) * 2 ** precision);
    first[i] = low;
    count[i] = n;
  }
  return { first, count, weights, stride };
}

const half = 1 << (precision - 1);
/** Weights are never negative here, so only the top can be passed, by a sum a little above one. */
const clip = (value: number): number => Math.min(value >> precision, 255);

function resizeAcross({ width: inWidth, height, data }: RgbImage, width: number): RgbImage {
  const { first, count, weights, stride } = triangleFilter(inWidth, width);
  const out = new Uint8Array(width * height * 3);
  for (let y = 0, to = 0; y < height; y++) {
    const row = y * inWidth * 3;
    for (let x = 0; x < width; x++, to += 3) {
      const n = count[x] as number;
      let [r, g, b] = [half, half, half];
      for (let j = 0, from = row + (first[x] as number) * 3, w = x * stride; j < n; j++, from += 3, w++) {
        const weight = weights[w] as number;
        r += weight * (data[from] as number);
        g += weight * (data[from + 1] as number);
        b += weight * (data[from + 2] as number);
      }
      out[to] = clip(r);
      out[to + 1] = clip(g);
      out[to + 2] = clip(b);
    }
  }
  return { width, height, data: out };
}

function resizeDown({ width, height: inHeight, data }: RgbImage, height: number): RgbImage {
  const { first, count, weights, stride } = triangleFilter(inHeight, height);
  const rowBytes = width * 3;
  const out = new Uint8Array(rowBytes * height);
  const sums = new Int32Array(rowBytes);
  for (let y = 0; y < height; y++) {
    sums.fill(half);
    for (let j = 0; j < (count[y] as number); j++) {
      const weight = weights[y * stride + j] as number;
      const from = ((first[y] as number) + j) * rowBytes;
      for (let i = 0; i < rowBytes; i++) sums[i] = (sums[i] as number) + weight * (data[from + i] as number);
    }
    for (let i = 0, to = y * rowBytes; i < rowBytes; i++, to++) out[to] = clip(sums[i] as number);
  }
  return { width, height, data: out };
}
