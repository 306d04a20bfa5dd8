import type { Refine } from "../lib/focus.ts";
import type { RgbImage, Size } from "./types.ts";

/** Below this share of foreground a pixel takes no part: what lies further off than two radii from any is background. */
const faint = 0.01;
/** Filtered shares are kept this far from 0 and 1, so that they have a logit. */
const margin = 1e-4;
const background = Math.log(margin / (1 - margin));

/**
 * Sharpens logits along the edges of the image below them: within each window of (2 radius + 1) squared pixels the share
 * of foreground becomes a linear function of colour, and each pixel takes the mean of the functions that cover it. What
 * is thinner than a low-res cell comes back where it has a colour of its own.
 * Source: He, Sun and Tang, Guided Image Filtering (TPAMI 2013), section 3.4, colour guidance.
 *
 * `logits` row-major [height, width] of the guide's size; gives logits again, 0 at `refine.threshold`.
 */
export function guidedLogits(logits: Float32Array, guide: RgbImage, refine: Refine): Float32Array {
  const { width, height } = guide;
  if (logits.length !== width * height) {
    throw new Error(`${logits.length} logits do not fit a guide of ${width} x ${height}`);
  }
  const shift = Math.log(refine.threshold / (1 - refine.threshold));
  const out = new Float32Array(logits.length).fill(background - shift);
  const area = activeArea(logits, [height, width], 2 * refine.radius + 1);
  if (!area) return out;
  const shares = filtered(logits, guide, { ...refine, area });
  const [left, top, right, bottom] = area;
  for (let y = top, from = 0; y < bottom; y++) {
    for (let x = left, to = y * width + left; x < right; x++, from++, to++) {
      const share = Math.min(1 - margin, Math.max(margin, shares[from] as number));
      out[to] = Math.log(share / (1 - share)) - shift;
    }
  }
  return out;
}

type Area = readonly [number, number, number, number];

/** Round all that may be foreground, with room for the filter. */
function activeArea(logits: Float32Array, [height, width]: Size, room: number): Area | null {
  const edge = Math.log(faint / (1 - faint));
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if ((logits[i] as number) <= edge) continue;
      if (x < left) left = x;
      if (x > right) right = x;
      if (y < top) top = y;
      bottom = y;
    }
  }
  if (right < 0) return null;
  return [
    Math.max(0, left - room),
    Math.max(0, top - room),
    Math.min(width, right + room + 1),
    Math.min(height, bottom + room + 1),
  ];
}

/** Shares of foreground of the area's pixels, row-major. */
function filtered(
  logits: Float32Array,
  guide: RgbImage,
  { radius, epsilon, area }: Refine & { area: Area },
): Float32Array {
  const [left, top, right, bottom] = area;
  const [width, height] = [right - left, bottom - top];
  const size = [height, width] as const;
  const count = width * height;
  const share = new Float32Array(count);
  const colours = [new Float32Array(count), new Float32Array(count), new Float32Array(count)] as const;
  for (let y = top, i = 0; y < bottom; y++) {
    for (let x = left, at = y * guide.width + left; x < right; x++, i++, at++) {
      share[i] = 1 / (1 + Math.exp(-(logits[at] as number)));
      for (let c = 0; c < 3; c++) (colours[c] as Float32Array)[i] = (guide.data[3 * at + c] as number) / 255;
    }
  }
  const mean = (plane: Float32Array): Float32Array => boxMean(plane, size, radius);
  const product = (a: Float32Array, b: Float32Array): Float32Array =>
    mean(a.map((value, i) => value * (b[i] as number)));
  const [r, g, b] = colours;
  const [mr, mg, mb, mp] = [mean(r), mean(g), mean(b), mean(share)];
  const squares: Planes<6> = [
    product(r, r),
    product(r, g),
    product(r, b),
    product(g, g),
    product(g, b),
    product(b, b),
  ];
  const crosses: Planes<3> = [product(r, share), product(g, share), product(b, share)];
  // The functions' coefficients take the places of the crosses, and their offsets that of mp.
  solve({ means: [mr, mg, mb], mp, squares, crosses, epsilon });
  const [ar, ag, ab, offset] = [mean(crosses[0]), mean(crosses[1]), mean(crosses[2]), mean(mp)];
  for (let i = 0; i < count; i++) {
    share[i] =
      (ar[i] as number) * (r[i] as number) +
      (ag[i] as number) * (g[i] as number) +
      (ab[i] as number) * (b[i] as number) +
      (offset[i] as number);
  }
  return share;
}

type Planes<N extends 3 | 6> = N extends 3
  ? [Float32Array, Float32Array, Float32Array]
  : [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array, Float32Array];

/** Per pixel, (covariance of colour + epsilon) a = covariance of colour and share, by Cramer's rule, in place. */
function solve({
  means,
  mp,
  squares,
  crosses,
  epsilon,
}: {
  means: Planes<3>;
  mp: Float32Array;
  squares: Planes<6>;
  crosses: Planes<3>;
  epsilon: number;
}): void {
  const [mr, mg, mb] = means;
  const [rr, rg, rb, gg, gb, bb] = squares;
  const [rp, gp, bp] = crosses;
  for (let i = 0; i < mp.length; i++) {
    const [r, g, b, p] = [mr[i] as number, mg[i] as number, mb[i] as number, mp[i] as number];
    const xx = (rr[i] as number) - r * r + epsilon;
    const xy = (rg[i] as number) - r * g;
    const xz = (rb[i] as number) - r * b;
    const yy = (gg[i] as number) - g * g + epsilon;
    const yz = (gb[i] as number) - g * b;
    const zz = (bb[i] as number) - b * b + epsilon;
    const [x, y, z] = [(rp[i] as number) - r * p, (gp[i] as number) - g * p, (bp[i] as number) - b * p];
    const [cx, cy, cz] = [yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy];
    const scale = 1 / (xx * cx + xy * cy + xz * cz);
    const ar = (cx * x + cy * y + cz * z) * scale;
    const ag = (cy * x + (xx * zz - xz * xz) * y + (xy * xz - xx * yz) * z) * scale;
    const ab = (cz * x + (xy * xz - xx * yz) * y + (xx * yy - xy * xy) * z) * scale;
    rp[i] = ar;
    gp[i] = ag;
    bp[i] = ab;
    mp[i] = p - ar * r - ag * g - ab * b;
  }
}

/** The mean over (2 radius + 1) squared pixels, of those that lie inside; row-major [height, width]. */
export function boxMean(plane: Float32Array, [height, width]: Size, radius: number): Float32Array {
  const rows = new Float32Array(plane.length);
  for (let y = 0; y < height; y++)
    runningMean(plane, rows, { from: y * width, step: 1, length: width, radius });
  const out = new Float32Array(plane.length);
  for (let x = 0; x < width; x++) runningMean(rows, out, { from: x, step: width, length: height, radius });
  return out;
}

function runningMean(
  source: Float32Array,
  target: Float32Array,
  { from, step, length, radius }: { from: number; step: number; length: number; radius: number },
): void {
  let sum = 0;
  let count = 0;
  for (let i = 0; i < Math.min(radius, length); i++, count++) sum += source[from + i * step] as number;
  for (let i = 0; i < length; i++) {
    if (i + radius < length) {
      sum += source[from + (i + radius) * step] as number;
      count++;
    }
    if (i - radius - 1 >= 0) {
      sum -= source[from + (i - radius - 1) * step] as number;
      count--;
    }
    target[from + i * step] = sum / count;
  }
}
