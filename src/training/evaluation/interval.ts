import type { PairedGain } from "../../domain/evaluation.ts";
import type { Random } from "../../lib/random.ts";

/** How much better the one decoder did than the other on one sample, and which samples rise and fall together. */
export interface Difference {
  /** Crops of one page, near-duplicates, annotations of one image: one group. */
  readonly group: string;
  readonly value: number;
}

export const resamples = 2000;
/** With fewer groups the bootstrap knows too few values: its interval is too narrow. See docs/adr/0008-gate.md. */
const fewestForBootstrap = 8;
/** Student's t at 97.5 %, by degrees of freedom from 1. */
const studentT = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447];

/**
 * The mean of paired differences with its 95 % interval over groups: groups are drawn with replacement, 2,000 times,
 * the mean taken over the samples of those drawn; 2.5 and 97.5 percentiles (Efron and Tibshirani 1993, chapter 13).
 * With 2 to 7 groups Student's interval of the group-weighted mean instead; with one, none: the ends are null.
 */
export function pairedGain(differences: readonly Difference[], random: Random): PairedGain {
  const groups = groupSums(differences);
  const mean = ratio(groups);
  if (groups.length < 2) return { mean, low: null, high: null };
  if (groups.length < fewestForBootstrap) {
    const half = (studentT[groups.length - 2] as number) * standardError(groups, mean);
    return { mean, low: mean - half, high: mean + half };
  }
  const means = Float64Array.from({ length: resamples }, () =>
    ratio(groups.map(() => groups[random.below(groups.length)] as GroupSum)),
  ).sort();
  return { mean, low: quantile(means, 0.025), high: quantile(means, 0.975) };
}

interface GroupSum {
  readonly sum: number;
  readonly count: number;
}

function groupSums(differences: readonly Difference[]): GroupSum[] {
  const groups = new Map<string, { sum: number; count: number }>();
  for (const { group, value } of differences) {
    const entry = groups.get(group) ?? { sum: 0, count: 0 };
    entry.sum += value;
    entry.count++;
    groups.set(group, entry);
  }
  return [...groups.values()];
}

function ratio(groups: readonly GroupSum[]): number {
  let [sum, count] = [0, 0];
  for (const group of groups) {
    sum += group.sum;
    count += group.count;
  }
  return sum / count;
}

/** Standard error of a ratio of sums, linearised (Cochran 1977, section 6.4). */
function standardError(groups: readonly GroupSum[], mean: number): number {
  const k = groups.length;
  const size = groups.reduce((sum, { count }) => sum + count, 0) / k;
  const squares = groups.reduce((sum, group) => sum + (group.sum - mean * group.count) ** 2, 0);
  return Math.sqrt(squares / (k * (k - 1))) / size;
}

/** Between the neighbours, as numpy's default. */
function quantile(ascending: Float64Array, share: number): number {
  const at = share * (ascending.length - 1);
  const low = Math.floor(at);
  const below = ascending[low] as number;
  return below + (at - low) * ((ascending[low + 1] ?? below) - below);
}
