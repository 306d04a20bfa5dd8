/**
 * Local features of a picture: places that can be found again in a crop, a turned or mirrored copy, a neighbouring tile or
 * the next frame, each with a description of its surroundings. Corners are Harris and Stephens's (Alvey Vision Conference
 * 1988) on a pyramid, descriptions binary comparisons after BRIEF (Calonder et al., ECCV 2010), and orientation is that of
 * the intensity centroid as in ORB (Rublee et al., ICCV 2011), but only to the eight symmetries of the square.
 */
import { seededRandom } from "../lib/random.ts";
import { upright } from "./upright.ts";

/** A grey picture, row-major, 0 to 255. */
export interface Grey {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** Up to `mostFeatures` places; arrays of one length, but `bits`, which has `words` numbers for each. */
export interface Features {
  readonly count: number;
  /** Pixels of the picture that was given. */
  readonly x: Float32Array;
  readonly y: Float32Array;
  /** Level of the pyramid: each is `levelStep` times smaller than the one before. */
  readonly level: Uint8Array;
  /** Which of the eight symmetries makes the surroundings upright: bit 0 flips x, bit 1 flips y, bit 2 then swaps x and y. */
  readonly turn: Uint8Array;
  readonly bits: Uint32Array;
}

export const words = 8;
export const levelStep = Math.SQRT2;
/** The longer side of the image that features are taken from, pixels. */
const side = 256;
const levels = 4;
const mostFeatures = 160;
/** Pixels from a place to the edge of what describes it. */
const reach = 11;
/** A corner is one where the picture changes in both directions by some grey levels. */
const leastResponse = 60;
/** Pixels between two corners of one level. */
const apart = 4;
/** How much larger one side's moment must be for an orientation to be certain. */
const certain = 1.08;

/** Pairs of places that are compared, within `reach`; drawn once for all. */
const pairs = ((): Int8Array => {
  const random = seededRandom(19);
  const spread = (): number => {
    const sum = random.next() + random.next() + random.next() - 1.5;
    return Math.max(-9, Math.min(9, Math.round(sum * 9)));
  };
  return Int8Array.from({ length: 4 * 32 * words }, spread);
})();

/** A picture as features are taken from it. Throws AppError or sharp's Error for bytes that can't be read. */
export async function greyOf(bytes: Uint8Array): Promise<Grey> {
  const picture = await upright(bytes);
  const { data, info } = await picture
    .greyscale()
    .resize(side, side, { fit: "inside", withoutEnlargement: true })
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data: Uint8Array.from(data) };
}

/** The features of a picture, the strongest corners of each level. */
export function featuresOf(grey: Grey): Features {
  const found: { x: number; y: number; level: number; turn: number; bits: Uint32Array }[] = [];
  let scale = 1;
  let picture = smoothed(grey);
  for (let level = 0; level < levels; level++) {
    if (Math.min(picture.width, picture.height) < 2 * reach + 6) break;
    const most = Math.ceil(mostFeatures / (level + 2));
    for (const { x, y } of corners(picture, most)) {
      const turn = turnOf(picture, x, y);
      if (turn === null) continue;
      found.push({ x: x * scale, y: y * scale, level, turn, bits: describe(picture, x, y, turn) });
    }
    scale *= levelStep;
    picture = smoothed(smaller(grey, scale));
  }
  const count = found.length;
  const bits = new Uint32Array(count * words);
  for (const [i, one] of found.entries()) bits.set(one.bits, i * words);
  return {
    count,
    x: Float32Array.from(found, (one) => one.x),
    y: Float32Array.from(found, (one) => one.y),
    level: Uint8Array.from(found, (one) => one.level),
    turn: Uint8Array.from(found, (one) => one.turn),
    bits,
  };
}

/** Each pixel with its eight neighbours, 1 2 1 both ways. */
function smoothed({ width, height, data }: Grey): Grey {
  const rows = new Uint16Array(width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      const left = data[x > 0 ? i - 1 : i] as number;
      const right = data[x + 1 < width ? i + 1 : i] as number;
      rows[i] = left + 2 * (data[i] as number) + right;
    }
  const out = new Uint8Array(width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      const above = rows[y > 0 ? i - width : i] as number;
      const below = rows[y + 1 < height ? i + width : i] as number;
      out[i] = (above + 2 * (rows[i] as number) + below + 8) >> 4;
    }
  return { width, height, data: out };
}

/** A picture `scale` times smaller, each pixel the mean of those below it. */
function smaller({ width, height, data }: Grey, scale: number): Grey {
  const [w, h] = [Math.max(1, Math.round(width / scale)), Math.max(1, Math.round(height / scale))];
  const out = new Uint8Array(w * h);
  for (let y = 0; y < h; y++) {
    const [y0, y1] = [Math.floor((y * height) / h), Math.max(Math.ceil(((y + 1) * height) / h), 1)];
    for (let x = 0; x < w; x++) {
      const [x0, x1] = [Math.floor((x * width) / w), Math.max(Math.ceil(((x + 1) * width) / w), 1)];
      let sum = 0;
      for (let v = y0; v < y1; v++) for (let u = x0; u < x1; u++) sum += data[v * width + u] as number;
      out[y * w + x] = Math.round(sum / ((y1 - y0) * (x1 - x0)));
    }
  }
  return { width: w, height: h, data: out };
}

/** The smaller eigenvalue of the gradients' moments over 5 x 5 pixels; its largest places, a few pixels apart. */
function corners({ width, height, data }: Grey, most: number): { x: number; y: number }[] {
  const response = new Float32Array(width * height);
  const [xx, yy, xy] = [0, 1, 2].map(() => new Float32Array(width * height)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  for (let y = 1; y < height - 1; y++)
    for (let x = 1; x < width - 1; x++) {
      const i = y * width + x;
      const dx = ((data[i + 1] as number) - (data[i - 1] as number)) / 2;
      const dy = ((data[i + width] as number) - (data[i - width] as number)) / 2;
      xx[i] = dx * dx;
      yy[i] = dy * dy;
      xy[i] = dx * dy;
    }
  const edge = reach + 1;
  for (let y = edge; y < height - edge; y++)
    for (let x = edge; x < width - edge; x++) {
      let [a, b, c] = [0, 0, 0];
      for (let v = -2; v <= 2; v++)
        for (let u = -2; u <= 2; u++) {
          const i = (y + v) * width + x + u;
          a += xx[i] as number;
          b += yy[i] as number;
          c += xy[i] as number;
        }
      response[y * width + x] = (a + b - Math.sqrt((a - b) ** 2 + 4 * c * c)) / 2;
    }
  const peaks: number[] = [];
  for (let y = edge; y < height - edge; y++)
    for (let x = edge; x < width - edge; x++) {
      const i = y * width + x;
      const own = response[i] as number;
      if (own < leastResponse) continue;
      let isPeak = true;
      for (let v = -1; v <= 1 && isPeak; v++)
        for (let u = -1; u <= 1; u++) {
          const near = response[i + v * width + u] as number;
          if (near > own || (near === own && v * width + u < 0)) isPeak = false;
        }
      if (isPeak) peaks.push(i);
    }
  peaks.sort((a, b) => (response[b] as number) - (response[a] as number) || a - b);
  const taken: { x: number; y: number }[] = [];
  for (const i of peaks) {
    const [x, y] = [i % width, Math.floor(i / width)];
    if (taken.some((other) => Math.abs(other.x - x) < apart && Math.abs(other.y - y) < apart)) continue;
    taken.push({ x, y });
    if (taken.length === most) break;
  }
  return taken;
}

/** Null where the surroundings have no certain side. */
function turnOf({ width, data }: Grey, x: number, y: number): number | null {
  let [mx, my] = [0, 0];
  for (let v = -reach; v <= reach; v++)
    for (let u = -reach; u <= reach; u++) {
      if (u * u + v * v > reach * reach) continue;
      const value = data[(y + v) * width + x + u] as number;
      mx += u * value;
      my += v * value;
    }
  const [ax, ay] = [Math.abs(mx), Math.abs(my)];
  const least = Math.min(ax, ay);
  // Between two of the eight, noise would decide.
  if (Math.max(ax, ay) < certain * least || least * 12 < Math.max(ax, ay)) return null;
  return (mx < 0 ? 1 : 0) | (my < 0 ? 2 : 0) | (ay > ax ? 4 : 0);
}

function describe({ width, data }: Grey, x: number, y: number, turn: number): Uint32Array {
  const bits = new Uint32Array(words);
  const flipX = turn & 1 ? -1 : 1;
  const flipY = turn & 2 ? -1 : 1;
  const swap = (turn & 4) !== 0;
  const at = (u: number, v: number): number => {
    // Where the upright surroundings have (u, v): the swap is undone first, then the flips.
    const [p, q] = swap ? [v, u] : [u, v];
    return data[(y + flipY * q) * width + x + flipX * p] as number;
  };
  for (let k = 0; k < 32 * words; k++) {
    const [a, b, c, d] = [pairs[4 * k], pairs[4 * k + 1], pairs[4 * k + 2], pairs[4 * k + 3]] as [
      number,
      number,
      number,
      number,
    ];
    if (at(a, b) < at(c, d)) bits[k >>> 5] = ((bits[k >>> 5] as number) | (1 << (k & 31))) >>> 0;
  }
  return bits;
}
