import type { BinaryMask } from "./types.ts";

/** Intersection over union of two masks of one size; two empty masks agree: 1. */
export function iou(a: BinaryMask, b: BinaryMask): number {
  const { both, sum } = overlap(a, b);
  return sum === 0 ? 1 : both / (sum - both);
}

/** Dice coefficient, 2|A and B| / (|A| + |B|), of two masks of one size; two empty masks agree: 1. */
export function dice(a: BinaryMask, b: BinaryMask): number {
  const { both, sum } = overlap(a, b);
  return sum === 0 ? 1 : (2 * both) / sum;
}

function overlap(a: BinaryMask, b: BinaryMask): { both: number; sum: number } {
  if (a.width !== b.width || a.height !== b.height) {
    throw new Error(`masks of ${a.width} x ${a.height} and ${b.width} x ${b.height} can't be compared`);
  }
  let both = 0;
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) {
    both += (a.data[i] as number) & (b.data[i] as number);
    sum += (a.data[i] as number) + (b.data[i] as number);
  }
  return { both, sum };
}
