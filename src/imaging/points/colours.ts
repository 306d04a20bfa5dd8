import { boxMean } from "../box-mean.ts";
import { boxOf } from "../geometry.ts";
import type { RgbImage } from "../types.ts";

/** Squared distance of colours, of values in [0, 1], below which foreground and background are not told apart. */
const alike = 1e-3;
/** The background that counts lies within this part of the object's longer side. */
const nearby = 0.25;

/**
 * Each pixel's colour on the object's own axis: 0.5 is the mean colour of what `share` says is foreground, -0.5 that of
 * the background close to it; and how far off that axis it lies, in quarters of [0, 1]. Whatever the light and the stain
 * of an image, the same value then means the same. `share` of foreground, row-major, of the guide's size.
 */
export function alongColours(
  share: Float32Array,
  guide: RgbImage,
): { along: Float32Array; off: Float32Array } {
  const near = nearTo(share, guide);
  const [inside, outside] = [
    [0, 0, 0],
    [0, 0, 0],
  ];
  let [insideSum, outsideSum] = [1e-6, 1e-6];
  for (let i = 0; i < share.length; i++) {
    const p = share[i] as number;
    const q = 1e-6 + ((near[i] as number) > 0 ? 1 - p : 0);
    insideSum += p;
    outsideSum += q;
    for (let c = 0; c < 3; c++) {
      const value = (guide.data[3 * i + c] as number) / 255;
      inside[c] = (inside[c] as number) + p * value;
      outside[c] = (outside[c] as number) + q * value;
    }
  }
  const axis = inside.map((sum, c) => sum / insideSum - (outside[c] as number) / outsideSum);
  const middle = inside.map((sum, c) => (sum / insideSum + (outside[c] as number) / outsideSum) / 2);
  const [ar, ag, ab] = axis as [number, number, number];
  const [mr, mg, mb] = middle as [number, number, number];
  const squared = ar * ar + ag * ag + ab * ab + alike;
  const [along, off] = [new Float32Array(share.length), new Float32Array(share.length)];
  for (let i = 0; i < share.length; i++) {
    const r = (guide.data[3 * i] as number) / 255 - mr;
    const g = (guide.data[3 * i + 1] as number) / 255 - mg;
    const b = (guide.data[3 * i + 2] as number) / 255 - mb;
    const t = (r * ar + g * ag + b * ab) / squared;
    along[i] = Math.max(-5, Math.min(5, t));
    off[i] = 4 * Math.hypot(r - t * ar, g - t * ag, b - t * ab);
  }
  return { along, off };
}

/** Above 0 where foreground is close. */
function nearTo(share: Float32Array, { width, height }: RgbImage): Float32Array {
  const data = Uint8Array.from(share, (p) => (p > 0.5 ? 1 : 0));
  const [left, top, right, bottom] = boxOf({ width, height, data });
  const side = Math.max(1, right - left, bottom - top);
  return boxMean(Float32Array.from(data), [height, width], Math.max(2, Math.round(side * nearby)));
}
