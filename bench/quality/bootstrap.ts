import { seededRandom } from "../../src/lib/random.ts";

/** A mean difference with its 95 % interval. */
export interface Gain {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

const resamples = 10_000;

/**
 * The paired bootstrap of `after - before`, by the percentiles 2.5 and 97.5 of 10,000 resamples. Whole clusters are drawn,
 * as masks of one image, or of images of one group, err together; a mean is over samples, so a large cluster weighs more.
 * @param clusters which cluster each sample belongs to
 */
export function pairedBootstrap(
  before: readonly number[],
  after: readonly number[],
  clusters: readonly string[],
  seed: number,
): Gain {
  if (before.length === 0 || before.length !== after.length || before.length !== clusters.length)
    throw new Error(`unpaired scores: ${before.length}, ${after.length} and ${clusters.length} clusters`);
  const sums = new Map<string, { gain: number; count: number }>();
  for (const [i, cluster] of clusters.entries()) {
    const sum = sums.get(cluster) ?? { gain: 0, count: 0 };
    sum.gain += (after[i] as number) - (before[i] as number);
    sum.count++;
    sums.set(cluster, sum);
  }
  const drawn = [...sums.values()];
  const random = seededRandom(seed);
  const means = new Float64Array(resamples);
  for (let i = 0; i < resamples; i++) {
    let [gain, count] = [0, 0];
    for (let k = 0; k < drawn.length; k++) {
      const cluster = drawn[random.below(drawn.length)] as { gain: number; count: number };
      gain += cluster.gain;
      count += cluster.count;
    }
    means[i] = gain / count;
  }
  means.sort();
  const at = (share: number): number => means[Math.round(share * (resamples - 1))] as number;
  return { mean: meanOf(after) - meanOf(before), low: at(0.025), high: at(0.975) };
}

export const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
