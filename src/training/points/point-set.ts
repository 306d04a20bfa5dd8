import { choosePoints } from "../../imaging/points/choose-points.ts";
import { headRoom } from "../../imaging/refine-room.ts";
import { cropPlane } from "../../imaging/crop.ts";
import { maskIn } from "../../imaging/cut-mask.ts";
import { resizePlane } from "../../imaging/resize-plane.ts";
import type { RgbImage, Size } from "../../imaging/types.ts";
import { pointFeatures } from "../../inference/refine/refine.ts";
import { workArea } from "../../inference/refine/work-area.ts";
import { pointFeatureCount } from "../../model/refine/point-features.ts";
import { jitterBox } from "../prompts/prompts.ts";
import { randomFor, rleOf } from "../data/samples.ts";
import type { WindowLogits } from "../evaluation/scores.ts";

/** Objects that are hardly there next to what may be foreground must not outweigh the others. */
const heaviest = 20;
/** Logits beyond say nothing more: as in model/refine/point-features.ts. */
const bound = 20;

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

export interface Drawn {
  /** Pixels of one answer. */
  readonly most: number;
  /** That a head judges of one mask, and sees. */
  readonly judged: number;
  readonly mostPixels: number;
  readonly seed: number;
}

/**
 * At most `most` pixels of one answer, drawn at random from those that a point head judges where it judges `judged` at
 * most. Together they weigh as much as these are as a multiple of the object, so that an error weighs about what it costs
 * in IoU. Each pixel is seen as if the prompt's box had been exact, drawn by hand, or none, equally often. Null where the
 * answer has no such pixels.
 */
export async function pointSet(
  answer: WindowLogits,
  image: RgbImage,
  { most, judged, mostPixels, seed }: Drawn,
): Promise<PointSet | null> {
  const { sample, window } = answer;
  const work = workArea(answer, { image, sha256: sample.image.sha256 }, { room: headRoom, most: mostPixels });
  if (!work) return null;
  const { area, working, boxIn } = work;
  // By content: ids differ from project to project, and the same data make the same version.
  const random = randomFor(seed, "points", sample.image.sha256, sample.annotation.counts);
  const points = choosePoints(work.logits, judged);
  const chosen = random.shuffle(Array.from(points)).slice(0, most);
  const { box } = sample.annotation;
  const asked = [boxIn(box), boxIn(jitterBox(box, sample.image, random)), null];
  const features = new Float32Array(chosen.length * pointFeatureCount);
  const seenBy = chosen.map(() => random.below(asked.length));
  for (const [which, own] of asked.entries()) {
    const places = [...chosen.keys()].filter((k) => seenBy[k] === which);
    if (places.length === 0) continue;
    const at = Int32Array.from(places, (k) => chosen[k] as number);
    const rows = await pointFeatures({ ...work, box: own }, at);
    for (const [i, k] of places.entries())
      features.set(rows.subarray(i * pointFeatureCount, (i + 1) * pointFeatureCount), k * pointFeatureCount);
  }
  const own: Size = [window[3] - window[1], window[2] - window[0]];
  const truth = resizePlane(Float32Array.from(maskIn(rleOf(sample), window).data), own, working);
  const truths = cropPlane(truth, working, area);
  let object = 0;
  for (const value of truth) object += value;
  const weight = Math.min(heaviest, points.length / Math.max(1, object)) / chosen.length;
  return {
    count: chosen.length,
    features,
    logits: Float32Array.from(chosen, (i) => Math.max(-bound, Math.min(bound, work.logits[i] as number))),
    truths: Float32Array.from(chosen, (i) => ((truths[i] as number) > 0.5 ? 1 : 0)),
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
  const [sums, squares] = [new Float64Array(pointFeatureCount), new Float64Array(pointFeatureCount)];
  for (let i = 0; i < features.length; i++) {
    const [f, value] = [i % pointFeatureCount, features[i] as number];
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
