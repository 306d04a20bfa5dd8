import { sha256 } from "../../lib/hash.ts";
import { type Sample, someOf } from "../data/samples.ts";

/** Samples of one fold at most: the encodes of every zoom go with them. */
const mostOfFold = 24;

/** Two halves of the data that trials train and judge on in turn. */
export interface Folds {
  /** Of each half, the samples that are looked at. */
  readonly parts: readonly [readonly Sample[], readonly Sample[]];
  /** All that is annotated on each half's images; they hold the parts. */
  readonly halves: readonly [readonly Sample[], readonly Sample[]];
}

/**
 * Halves samples by group, in the order of hashes of seed and group, each group to the half that is smaller. Where there
 * is but one group, null: nothing could judge.
 */
export function foldsFor(
  samples: readonly Sample[],
  groupOf: (sample: Sample) => string,
  seed: number,
): Folds | null {
  const groups = [...Map.groupBy(samples, groupOf)]
    .map(([key, some]) => ({ order: sha256(`${seed}:search:${key}`), some }))
    .sort((a, b) => (a.order < b.order ? -1 : 1));
  if (groups.length < 2) return null;
  const halves: [Sample[], Sample[]] = [[], []];
  for (const { some } of groups) halves[halves[0].length <= halves[1].length ? 0 : 1].push(...some);
  return { parts: [someOf(halves[0], mostOfFold, seed), someOf(halves[1], mostOfFold, seed)], halves };
}
