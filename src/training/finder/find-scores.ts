import type { FindScores } from "../../domain/finder.ts";
import { boxIou } from "../../imaging/geometry.ts";
import { rleIou } from "../../imaging/mask-facts.ts";
import type { Box, RleMask } from "../../imaging/types.ts";

/** A mask of an image, found or true. */
export interface Marked {
  readonly mask: RleMask;
  readonly bbox: Box;
  readonly label: string | null;
}

/** What was found on one image, by label score, the best first, and what is there. */
export interface FoundOnImage {
  /** Images of one group are drawn together for intervals. */
  readonly group: string;
  readonly found: readonly (Marked & { readonly score: number })[];
  readonly truth: readonly Marked[];
}

/** An image's overlaps: found by true masks, IoU; 0 where labels differ. */
export interface Overlaps {
  readonly group: string;
  readonly found: readonly { readonly score: number; readonly label: string | null }[];
  readonly truth: readonly (string | null)[];
  readonly iou: readonly (readonly number[])[];
}

export const overlapsOf = ({ group, found, truth }: FoundOnImage): Overlaps => ({
  group,
  found: found.map(({ score, label }) => ({ score, label })),
  truth: truth.map(({ label }) => label),
  iou: found.map((one) =>
    truth.map((other) =>
      one.label === other.label && boxIou(one.bbox, other.bbox) > 0 ? rleIou(one.mask, other.mask) : 0,
    ),
  ),
});

/** Mask IoU from .5 to .95 in steps of .05, to the last bit numpy's linspace as COCO has it: an IoU may lie on one. */
export const iouThresholds = Array.from({ length: 10 }, (_, i) => 0.5 + ((0.95 - 0.5) / 9) * i);

/** What an image brings to scores, whichever images are scored with it. */
export interface Tally {
  readonly group: string;
  readonly objects: number;
  /** For each of iouThresholds, whether each find takes a true mask. */
  readonly rows: readonly (readonly { readonly score: number; readonly right: boolean }[])[];
  /** Finds that pass the threshold: how many, those that take a true mask at IoU .5, and the sum of their IoU. */
  readonly found: number;
  readonly right: number;
  readonly iouOfRight: number;
  /** The sum over objects of the IoU with the best of them. */
  readonly bestIou: number;
}

/**
 * An image's tally of one label, or of all together where `label` is left out.
 * @param threshold label score from which finds count for PQ, precision and recall
 */
export function tallyOf(image: Overlaps, threshold: number, label?: string | null): Tally {
  const own = label === undefined ? image : ofLabel(image, label);
  const some = { ...own, found: own.found.filter(({ score }) => score >= threshold) };
  const pairs = matched(some, 0.5);
  return {
    group: own.group,
    objects: own.truth.length,
    rows: iouThresholds.map((least) => {
      const taken = matched(own, least);
      return own.found.map(({ score }, i) => ({ score, right: (taken[i] as number) >= 0 }));
    }),
    found: some.found.length,
    right: pairs.filter((at) => at >= 0).length,
    iouOfRight: pairs.reduce((total, at, i) => total + (at < 0 ? 0 : (own.iou[i]?.[at] ?? 0)), 0),
    bestIou: bestIous(some).reduce((total, iou) => total + iou, 0),
  };
}

/** Scores of one label, or of all together where `label` is left out; `threshold` as in tallyOf. */
export const findScores = (
  images: readonly Overlaps[],
  threshold: number,
  label?: string | null,
): FindScores => scoresOf(images.map((image) => tallyOf(image, threshold, label)));

const sumOf = (tallies: readonly Tally[], name: "objects" | "found" | "right" | "iouOfRight" | "bestIou") =>
  tallies.reduce((sum, tally) => sum + tally[name], 0);

/** Scores of images together; an image may stand among them more than once. */
export function scoresOf(tallies: readonly Tally[]): FindScores {
  const [objects, found, right] = (["objects", "found", "right"] as const).map((name) =>
    sumOf(tallies, name),
  ) as [number, number, number];
  if (objects === 0) return { ap50: null, ap: null, pq: null, precision: null, recall: null, meanIou: null };
  const aps = iouThresholds.map((_, i) => averagePrecision(tallies, i) as number);
  return {
    ap50: aps[0] as number,
    ap: aps.reduce((total, ap) => total + ap, 0) / aps.length,
    pq: panopticQuality(tallies),
    precision: found === 0 ? null : right / found,
    recall: right / objects,
    meanIou: sumOf(tallies, "bestIou") / objects,
  };
}

/** Null where there is nothing to find. Source: Kirillov et al. 2019, equation 1. */
export function panopticQuality(tallies: readonly Tally[]): number | null {
  const objects = sumOf(tallies, "objects");
  return objects === 0 ? null : sumOf(tallies, "iouOfRight") / ((sumOf(tallies, "found") + objects) / 2);
}

function ofLabel({ group, found, truth, iou }: Overlaps, label: string | null): Overlaps {
  const [rows, columns] = [found, truth.map((own) => ({ label: own }))].map((some) =>
    some.flatMap((one, i) => (one.label === label ? [i] : [])),
  ) as [number[], number[]];
  return {
    group,
    found: rows.map((i) => found[i] as Overlaps["found"][number]),
    truth: columns.map(() => label),
    iou: rows.map((i) => columns.map((j) => iou[i]?.[j] ?? 0)),
  };
}

/** For each true mask, the IoU of the find that fits it best. */
const bestIous = ({ found, truth, iou }: Overlaps): number[] =>
  truth.map((_, j) => Math.max(0, ...found.map((_find, i) => iou[i]?.[j] ?? 0)));

/** For each find, the best first, the true mask that it takes: the one with the highest IoU of those left, or -1. */
function matched({ found, iou }: Overlaps, least: number): number[] {
  const taken = new Set<number>();
  return found.map((_, i) => {
    let [best, at] = [least, -1];
    for (const [j, value] of (iou[i] ?? []).entries()) {
      if (value < best || taken.has(j)) continue;
      [best, at] = [value, j];
    }
    if (at >= 0) taken.add(at);
    return at;
  });
}

/**
 * Precision at 101 recalls, each the best at that recall or beyond; null where there is nothing to find. Source: cocoapi
 * PythonAPI, cocoeval.py, accumulate.
 * @param at place among iouThresholds
 */
export function averagePrecision(tallies: readonly Tally[], at: number): number | null {
  const objects = sumOf(tallies, "objects");
  if (objects === 0) return null;
  const rows = tallies.flatMap((tally) => tally.rows[at] ?? []).sort((a, b) => b.score - a.score);
  let right = 0;
  const curve = rows.map((row, i) => {
    right += row.right ? 1 : 0;
    return { recall: right / objects, precision: right / (i + 1) };
  });
  for (let i = curve.length - 2; i >= 0; i--) {
    const [one, next] = [curve[i], curve[i + 1]] as [{ precision: number }, { precision: number }];
    one.precision = Math.max(one.precision, next.precision);
  }
  let [sum, place] = [0, 0];
  for (let step = 0; step <= 100; step++) {
    while (place < curve.length && (curve[place] as { recall: number }).recall < step * 0.01) place++;
    if (place === curve.length) break;
    sum += (curve[place] as { precision: number }).precision;
  }
  return sum / 101;
}
