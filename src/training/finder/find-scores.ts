import type { FindScores } from "../../domain/finder.ts";
import { boxIou } from "../../imaging/finding/peaks.ts";
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

/** An image's overlaps, once for all thresholds: found by true masks, IoU; 0 where labels differ. */
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

/**
 * Scores of one label, or of all together where `label` is left out.
 * @param threshold label score from which finds count for PQ, precision and recall
 */
export function findScores(
  images: readonly Overlaps[],
  threshold: number,
  label?: string | null,
): FindScores {
  const own = label === undefined ? images : images.map((image) => ofLabel(image, label));
  const objects = own.reduce((sum, { truth }) => sum + truth.length, 0);
  if (objects === 0) return { ap50: null, ap: null, pq: null, precision: null, recall: null, meanIou: null };
  const aps = iouThresholds.map((least) => averagePrecision(own, least, objects));
  const { right, sum, found, met } = own.reduce(
    (all, image) => {
      const some = { ...image, found: image.found.filter(({ score }) => score >= threshold) };
      const pairs = matched(some, 0.5);
      return {
        right: all.right + pairs.filter((at) => at >= 0).length,
        sum: all.sum + pairs.reduce((total, at, i) => total + (at < 0 ? 0 : (image.iou[i]?.[at] ?? 0)), 0),
        found: all.found + some.found.length,
        met: all.met + bestIous(some).reduce((total, iou) => total + iou, 0),
      };
    },
    { right: 0, sum: 0, found: 0, met: 0 },
  );
  return {
    ap50: aps[0] as number,
    ap: aps.reduce((total, ap) => total + ap, 0) / aps.length,
    pq: sum / ((found + objects) / 2),
    precision: found === 0 ? null : right / found,
    recall: right / objects,
    meanIou: met / objects,
  };
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

/** Precision at 101 recalls, each the best at that recall or beyond. Source: cocoapi PythonAPI, cocoeval.py, accumulate. */
function averagePrecision(images: readonly Overlaps[], least: number, objects: number): number {
  const rows = images
    .flatMap((image) => {
      const pairs = matched(image, least);
      return image.found.map(({ score }, i) => ({ score, right: (pairs[i] as number) >= 0 }));
    })
    .sort((a, b) => b.score - a.score);
  let right = 0;
  const curve = rows.map((row, i) => {
    right += row.right ? 1 : 0;
    return { recall: right / objects, precision: right / (i + 1) };
  });
  for (let i = curve.length - 2; i >= 0; i--) {
    const [one, next] = [curve[i], curve[i + 1]] as [{ precision: number }, { precision: number }];
    one.precision = Math.max(one.precision, next.precision);
  }
  let [sum, at] = [0, 0];
  for (let step = 0; step <= 100; step++) {
    while (at < curve.length && (curve[at] as { recall: number }).recall < step * 0.01) at++;
    if (at === curve.length) break;
    sum += (curve[at] as { precision: number }).precision;
  }
  return sum / 101;
}
