import { cropMask } from "../../imaging/crop.ts";
import {
  boxFeatureCount,
  boxFeatures,
  boxInArea,
  featureCount,
  featurePlanes,
  pointsOf,
} from "../../imaging/points/features.ts";
import { atWork } from "../../imaging/sharpen.ts";
import type { Box, RgbImage } from "../../imaging/types.ts";
import { jitterBox } from "../prompts.ts";
import { maskOf, randomFor } from "../samples.ts";
import type { WindowLogits } from "../scores.ts";

/** Objects that are hardly there next to what may be foreground must not outweigh the others. */
const heaviest = 20;

/** Pixels to train a point head with. */
export interface PointSet {
  readonly count: number;
  /** [count, features], row-major. */
  readonly features: Float32Array;
  /** [count]: the decoder's logit, the truth (0 or 1), and how much the pixel weighs. */
  readonly logits: Float32Array;
  readonly truths: Float32Array;
  readonly weights: Float32Array;
}

/**
 * At most `most` pixels of one answer, drawn at random from those that a point head judges. Together they weigh as much as
 * these are as a multiple of the object, so that an error weighs about what it costs in IoU. Each pixel is seen as if the
 * prompt's box had been exact, drawn by hand, or none, equally often. Null where the answer has no such pixels.
 */
export function pointSet(
  { sample, window, logits }: WindowLogits,
  image: RgbImage,
  { most, seed }: { most: number; seed: number },
): PointSet | null {
  const { guide, boxIn, toWork } = atWork(image, window);
  const points = pointsOf(toWork(logits()), guide);
  if (!points) return null;
  // By content: ids differ from project to project, and the same data make the same version.
  const random = randomFor(seed, "points", sample.image.sha256, sample.annotation.counts);
  const chosen = random.shuffle(Array.from(points.at)).slice(0, most);
  const features = new Float32Array(chosen.length * featureCount);
  let feature = 0;
  for (const plane of featurePlanes(points)) {
    for (const [k, i] of chosen.entries()) features[k * featureCount + feature] = plane[i] as number;
    feature++;
  }
  const [left, top, right] = points.area;
  const width = right - left;
  const { box } = sample.annotation;
  const [exact, drawn] = [box, jitterBox(box, sample.image, random)].map((one) =>
    boxInArea(boxIn(one), points.area),
  ) as [Box, Box];
  const asked = [exact, drawn, null];
  const truth = toWork(Float32Array.from(cropMask(maskOf(sample), window).data));
  let area = 0;
  for (const value of truth) area += value;
  const weight = Math.min(heaviest, points.at.length / Math.max(1, area)) / chosen.length;
  for (const [k, i] of chosen.entries()) {
    const at = k * featureCount + featureCount - boxFeatureCount;
    boxFeatures(i % width, Math.floor(i / width), asked[random.below(asked.length)] ?? null, features, at);
  }
  return {
    count: chosen.length,
    features,
    logits: Float32Array.from(chosen, (i) => points.logits[i] as number),
    truths: Float32Array.from(chosen, (i) => {
      const at = (top + Math.floor(i / width)) * guide.width + left + (i % width);
      return (truth[at] as number) > 0.5 ? 1 : 0;
    }),
    weights: new Float32Array(chosen.length).fill(weight),
  };
}

/** All of some sets. */
export function joined(sets: readonly PointSet[]): PointSet {
  const all = (of: (set: PointSet) => Float32Array): Float32Array => {
    const out = new Float32Array(sets.reduce((sum, set) => sum + of(set).length, 0));
    let at = 0;
    for (const set of sets) {
      out.set(of(set), at);
      at += of(set).length;
    }
    return out;
  };
  return {
    count: sets.reduce((sum, { count }) => sum + count, 0),
    features: all((set) => set.features),
    logits: all((set) => set.logits),
    truths: all((set) => set.truths),
    weights: all((set) => set.weights),
  };
}

/** Each feature's mean, and the inverse of its standard deviation. */
export function standards({ count, features }: PointSet): { mean: Float32Array; scale: Float32Array } {
  const [sums, squares] = [new Float64Array(featureCount), new Float64Array(featureCount)];
  for (let i = 0; i < features.length; i++) {
    const [f, value] = [i % featureCount, features[i] as number];
    sums[f] = (sums[f] as number) + value;
    squares[f] = (squares[f] as number) + value * value;
  }
  const mean = Float32Array.from(sums, (sum) => sum / Math.max(1, count));
  const scale = Float32Array.from(squares, (sum, f) => {
    const variance = sum / Math.max(1, count) - (mean[f] as number) ** 2;
    return 1 / (Math.sqrt(Math.max(0, variance)) + 1e-3);
  });
  return { mean, scale };
}
