import type { Guided } from "../lib/focus.ts";
import { activeArea } from "./active-area.ts";
import { boxMean } from "./box-mean.ts";
import type { Box, RgbImage } from "./types.ts";

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
export function guidedLogits(logits: Float32Array, guide: RgbImage, refine: Guided): Float32Array {
  const { width, height } = guide;
  if (logits.length !== width * height) {
    throw new Error(`${logits.length} logits do not fit a guide of ${width} x ${height}`);
  }
  const shift = Math.log(refine.threshold / (1 - refine.threshold));
  const out = new Float32Array(logits.length).fill(background - shift);
  // What lies further off than two radii from anything faint is background.
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

/** Shares of foreground of the area's pixels, row-major. */
function filtered(
  logits: Float32Array,
  guide: RgbImage,
  { radius, epsilon, area }: Guided & { area: Box },
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
