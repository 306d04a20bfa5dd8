import type { BinaryMask, Box, RgbImage } from "../../src/imaging/types.ts";
import type { RegionLogits } from "../../src/imaging/stitch.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { wholeView } from "./low-res.ts";

type Colour = readonly [number, number, number];

/** A disc in an image, and logits that know it only as a blur, too large by `over` pixels. */
export interface Disc {
  readonly inside: Colour;
  readonly outside: Colour;
  readonly over: number;
  readonly seed: number;
}

const side = 120;
const middle = 60;
const radius = 20;
export const discBox: Box = [middle - radius, middle - radius, middle + radius + 1, middle + radius + 1];

/** Dark on light, light on dark, and red on green. */
export const discs: readonly [Disc, Disc, Disc] = [
  { inside: [60, 50, 120], outside: [220, 215, 225], over: 4, seed: 1 },
  { inside: [230, 230, 210], outside: [40, 60, 50], over: 4, seed: 2 },
  { inside: [180, 60, 60], outside: [60, 150, 70], over: 4, seed: 3 },
];

export function answerOf({ inside, outside, over, seed }: Disc): {
  image: RgbImage;
  truth: BinaryMask;
  logits: Float32Array;
  /** The same as a decoder gives them. */
  view: RegionLogits;
} {
  const distanceAt = (x: number, y: number): number => Math.hypot(x - middle, y - middle);
  const logitAt = (x: number, y: number): number => Math.max(-9, (radius + over - distanceAt(x, y)) / 2);
  const random = seededRandom(seed);
  const data = new Uint8Array(3 * side * side);
  const mask = new Uint8Array(side * side);
  const logits = new Float32Array(side * side);
  for (let y = 0, i = 0; y < side; y++) {
    for (let x = 0; x < side; x++, i++) {
      const distance = distanceAt(x, y);
      mask[i] = distance <= radius ? 1 : 0;
      logits[i] = logitAt(x, y);
      const colour = mask[i] === 1 ? inside : outside;
      for (let c = 0; c < 3; c++)
        data[3 * i + c] = Math.max(0, Math.min(255, Math.round((colour[c] as number) + 6 * random.normal())));
    }
  }
  return {
    image: { width: side, height: side, data },
    truth: { width: side, height: side, data: mask },
    logits,
    view: wholeView(side, logitAt),
  };
}
