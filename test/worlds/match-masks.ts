import { iou } from "../../src/imaging/metrics.ts";
import type { BinaryMask } from "../../src/imaging/types.ts";

/** How two sets of masks of one image agree. */
export interface Match {
  /** Pairs, one to one. */
  readonly pairs: number;
  readonly meanIou: number;
  readonly minIou: number;
}

/** Pairs masks one to one, the pair of the highest IoU first, as long as any two left overlap. */
export function matchMasks(ours: readonly BinaryMask[], theirs: readonly BinaryMask[]): Match {
  const candidates = ours
    .flatMap((a, i) => theirs.map((b, j) => ({ i, j, value: iou(a, b) })))
    .filter(({ value }) => value > 0)
    .toSorted((a, b) => b.value - a.value);
  const [usedI, usedJ] = [new Set<number>(), new Set<number>()];
  const values: number[] = [];
  for (const { i, j, value } of candidates) {
    if (usedI.has(i) || usedJ.has(j)) continue;
    usedI.add(i);
    usedJ.add(j);
    values.push(value);
  }
  const meanIou = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  return { pairs: values.length, meanIou, minIou: Math.min(1, ...values) };
}
