import type { Interval } from "../../domain/preview.ts";
import type { Random } from "../../lib/random.ts";

/** Scores of one fold: IoU by point, then by validation sample; the same samples at every point. */
export interface FoldScores {
  /** Which samples rise and fall together. */
  readonly groups: readonly string[];
  readonly points: readonly (readonly number[])[];
}

/** error(n) = scale * n ** -exponent, error being 1 - IoU. */
export interface PowerLaw {
  readonly scale: number;
  readonly exponent: number;
}

/** Below it an error counts as this: its logarithm is asked for. */
const leastError = 0.005;
const resamples = 1000;

/**
 * Least squares in the logarithms; no more than a straight line, for a few noisy points carry no third parameter.
 * Source: Hestness et al. 2017, "Deep Learning Scaling is Predictable, Empirically", section 2 (without the constant).
 */
export function fitPowerLaw(sizes: readonly number[], ious: readonly number[]): PowerLaw {
  const xs = sizes.map((n) => Math.log(n));
  const ys = ious.map((iou) => Math.log(Math.max(leastError, 1 - iou)));
  const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;
  const [meanX, meanY] = [mean(xs), mean(ys)];
  const spread = xs.reduce((sum, x) => sum + (x - meanX) ** 2, 0);
  const slope =
    spread === 0 ? 0 : xs.reduce((sum, x, i) => sum + (x - meanX) * ((ys[i] as number) - meanY), 0) / spread;
  return { scale: Math.exp(meanY - slope * meanX), exponent: -slope };
}

/** How much IoU the law promises for twice as many images as `images`. */
export function gainFromTwice({ scale, exponent }: PowerLaw, images: number): number {
  const error = (n: number): number => Math.min(1, scale * n ** -exponent);
  return error(images) - error(2 * images);
}

/**
 * The points and what follows from them with 95 % intervals: folds are drawn with replacement, groups inside each too,
 * 1,000 times, and the law is fitted anew each time.
 */
export function intervalsOf(
  folds: readonly FoldScores[],
  options: { sizes: readonly number[]; imagesNow: number; random: Random },
): { points: Interval[]; law: PowerLaw; gain: Interval } {
  const { sizes, imagesNow, random } = options;
  const members = folds.map(({ groups }) => [
    ...Map.groupBy(groups.keys(), (i) => groups[i] as string).values(),
  ]);
  const meansOf = (drawn: readonly { fold: number; samples: readonly number[] }[]): number[] =>
    sizes.map((_, point) => {
      let [sum, count] = [0, 0];
      for (const { fold, samples } of drawn) {
        const scores = (folds[fold] as FoldScores).points[point] as readonly number[];
        for (const sample of samples) sum += scores[sample] as number;
        count += samples.length;
      }
      return sum / count;
    });
  const whole = meansOf(folds.map(({ groups }, fold) => ({ fold, samples: [...groups.keys()] })));
  const law = fitPowerLaw(sizes, whole);
  const draws = Array.from({ length: resamples }, () => {
    const means = meansOf(
      folds.map(() => {
        const fold = random.below(folds.length);
        const groups = members[fold] as number[][];
        return { fold, samples: groups.flatMap(() => groups[random.below(groups.length)] as number[]) };
      }),
    );
    return { means, gain: gainFromTwice(fitPowerLaw(sizes, means), imagesNow) };
  });
  return {
    points: whole.map((mean, point) =>
      withEnds(
        mean,
        draws.map(({ means }) => means[point] as number),
      ),
    ),
    law,
    gain: withEnds(
      gainFromTwice(law, imagesNow),
      draws.map(({ gain }) => gain),
    ),
  };
}

function withEnds(mean: number, draws: readonly number[]): Interval {
  const sorted = [...draws].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] as number;
  return { mean, low: at(0.025), high: at(0.975) };
}
