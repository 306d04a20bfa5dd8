import type { PointHeadSettings } from "../../domain/focus.ts";

/** Features of a pixel: those of model/refine/point-features.ts. */
export const featureCount = 23;

/**
 * A multilayer perceptron on the features of one pixel that gives what to add to its logit: PointRend's point head
 * (Kirillov et al. 2020, section 3.3) on features that need no network, model/refine/point-head.ts. Row-major float32.
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

/** What bounds a head's time: pixels that it judges of one mask, and those of the area that it sees. */
export interface HeadBounds {
  readonly mostPoints?: number;
  readonly mostPixels?: number | undefined;
}

/** As a version's focus keeps it. */
export function writeHead(
  head: PointHead,
  { scoreShift = 0, mostPoints, mostPixels }: HeadBounds & { scoreShift?: number } = {},
): PointHeadSettings {
  const numbers = headParts(head.hidden).flatMap(([part]) => Array.from(head[part]));
  const bytes = Buffer.alloc(4 * numbers.length);
  for (const [i, value] of numbers.entries()) bytes.writeFloatLE(value, 4 * i);
  const weights = bytes.toString("base64");
  const most = {
    ...(mostPoints !== undefined && { most_points: mostPoints }),
    ...(mostPixels !== undefined && { most_pixels: mostPixels }),
  };
  return { point_head: { hidden: head.hidden, weights, ...most, score_shift: scoreShift } };
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
