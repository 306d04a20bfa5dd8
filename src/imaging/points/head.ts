import type { PointHeadSettings } from "../../lib/focus.ts";
import type { Box, RgbImage } from "../types.ts";
import {
  boxFeatureCount,
  boxFeatures,
  boxInArea,
  featureCount,
  featurePlanes,
  type Points,
  pointsOf,
} from "./features.ts";

/**
 * A multilayer perceptron on the features of one pixel that gives what to add to its logit: PointRend's point head
 * (Kirillov et al. 2020, section 3.3) on features that need no network. Row-major float32.
 */
export interface PointHead {
  readonly hidden: number;
  /** [features]: what is taken from a feature, and by what the rest is multiplied. */
  readonly mean: Float32Array;
  readonly scale: Float32Array;
  /** [features, hidden], [hidden]; [hidden, hidden], [hidden]; [hidden], [1]. ReLU after the first two layers. */
  readonly w1: Float32Array;
  readonly b1: Float32Array;
  readonly w2: Float32Array;
  readonly b2: Float32Array;
  readonly w3: Float32Array;
  readonly b3: Float32Array;
}

type Part = Exclude<keyof PointHead, "hidden">;

/** The parts of a head in the order in which they are written down, and how many numbers each has. */
export const headParts = (hidden: number): [Part, number][] => [
  ["mean", featureCount],
  ["scale", featureCount],
  ["w1", featureCount * hidden],
  ["b1", hidden],
  ["w2", hidden * hidden],
  ["b2", hidden],
  ["w3", hidden],
  ["b3", 1],
];

/** As a version's focus keeps it. */
export function writeHead(head: PointHead, scoreShift = 0): PointHeadSettings {
  const numbers = headParts(head.hidden).flatMap(([part]) => Array.from(head[part]));
  const bytes = Buffer.alloc(4 * numbers.length);
  for (const [i, value] of numbers.entries()) bytes.writeFloatLE(value, 4 * i);
  const weights = bytes.toString("base64");
  return { point_head: { hidden: head.hidden, weights, score_shift: scoreShift } };
}

/** Throws an Error where the numbers are not those of a head for these features, or are none. */
export function readHead({ point_head: { hidden, weights } }: PointHeadSettings): PointHead {
  const bytes = Buffer.from(weights, "base64");
  const parts = headParts(hidden);
  const wanted = parts.reduce((sum, [, count]) => sum + count, 0);
  if (bytes.length !== 4 * wanted)
    throw new Error(`a point head of ${hidden} units has ${wanted} numbers, not ${bytes.length / 4}`);
  let from = 0;
  const read = (count: number): Float32Array => {
    const start = from;
    from += count;
    return Float32Array.from({ length: count }, (_, i) => bytes.readFloatLE(4 * (start + i)));
  };
  const numbers = Object.fromEntries(parts.map(([part, count]) => [part, read(count)])) as Record<
    Part,
    Float32Array
  >;
  if (Object.values(numbers).some((part) => part.some((value) => !Number.isFinite(value))))
    throw new Error("a point head has a weight that is no number");
  return { hidden, ...numbers };
}

/**
 * Logits of a window, row-major [height, width] of the guide's size, after the head has judged every pixel that may be
 * foreground; the others stay. `box` is that of the prompt in pixels of the window, null where there was none.
 */
export function judgePoints(
  logits: Float32Array,
  guide: RgbImage,
  { head, box }: { head: PointHead; box: Box | null },
): Float32Array {
  const points = pointsOf(logits, guide);
  if (!points) return logits;
  const out = logits.slice();
  const added = addedBy(head, points, box);
  const [left, top, right] = points.area;
  const width = right - left;
  for (const [k, i] of points.at.entries()) {
    const to = (top + Math.floor(i / width)) * guide.width + left + (i % width);
    out[to] = (points.logits[i] as number) + (added[k] as number);
  }
  return out;
}

/** What the head adds to each point's logit. The first layer sums up plane by plane, so that few are in memory at once. */
function addedBy(head: PointHead, points: Points, box: Box | null): Float32Array {
  const { hidden } = head;
  const { at } = points;
  const first = new Float32Array(at.length * hidden);
  for (let k = 0; k < at.length; k++) first.set(head.b1, k * hidden);
  let feature = 0;
  for (const plane of featurePlanes(points)) {
    addFeature(first, head, feature++, (k) => plane[at[k] as number] as number);
  }
  const width = points.area[2] - points.area[0];
  const own = box && boxInArea(box, points.area);
  const boxed = new Float32Array(at.length * boxFeatureCount);
  for (const [k, i] of at.entries())
    boxFeatures(i % width, Math.floor(i / width), own, boxed, k * boxFeatureCount);
  for (let f = 0; f < boxFeatureCount; f++)
    addFeature(first, head, feature++, (k) => boxed[k * boxFeatureCount + f] as number);
  return lastLayers(head, first);
}

function addFeature(
  first: Float32Array,
  { hidden, mean, scale, w1 }: PointHead,
  feature: number,
  of: (k: number) => number,
): void {
  const [from, by] = [mean[feature] as number, scale[feature] as number];
  const row = w1.subarray(feature * hidden, (feature + 1) * hidden);
  for (let k = 0, to = 0; to < first.length; k++) {
    const value = (of(k) - from) * by;
    for (let h = 0; h < hidden; h++, to++) first[to] = (first[to] as number) + value * (row[h] as number);
  }
}

function lastLayers({ hidden, w2, b2, w3, b3 }: PointHead, first: Float32Array): Float32Array {
  const second = new Float64Array(hidden);
  return Float32Array.from({ length: first.length / hidden }, (_, k) => {
    second.set(b2);
    for (let h = 0, from = 0; h < hidden; h++) {
      const value = first[k * hidden + h] as number;
      if (value <= 0) {
        from += hidden;
        continue;
      }
      for (let j = 0; j < hidden; j++, from++)
        second[j] = (second[j] as number) + value * (w2[from] as number);
    }
    let sum = b3[0] as number;
    for (let j = 0; j < hidden; j++) sum += Math.max(0, second[j] as number) * (w3[j] as number);
    return sum;
  });
}
