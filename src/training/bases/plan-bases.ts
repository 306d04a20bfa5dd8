import { type Folds, foldsFor } from "../data/folds.ts";
import type { PreparedData } from "../data/prepare.ts";
import { type Sample, someOf } from "../data/samples.ts";
import { budgetOf } from "../search/choose.ts";
import { costs } from "../search/costs.ts";

/** What trying bases will do: the same for each of them. */
export interface BasesPlan {
  /** How many are tried, the first of them. */
  readonly bases: number;
  /** Those that judge. */
  readonly judges: readonly Sample[];
  /** The halves that short trainings go by; null where bases are only scored as they are. */
  readonly folds: Folds | null;
  /** Training samples of each half. */
  readonly samples: number;
  /** Budget seconds of all that. */
  readonly seconds: number;
}

/** Choosing a base gets so much of the budget. */
const share = 0.25;
/** As in the shortest trials of recipes. */
const trialSamples = 60;
/** Fewer annotations of each half tell nothing. */
const fewest = 5;

/** Encoding a sample's image and scoring it once. */
const scored = costs.encode + costs.score;

/**
 * As many bases as a quarter of the budget pays for, with a short training on either half of the data; where that is not
 * two, their plain scores alone. Nothing that is held out is looked at. The same data, budget and seed give the same.
 * @param count bases that there are, two at least
 */
export function planBases(data: PreparedData, count: number, seed: number): BasesPlan {
  const seconds = budgetOf(data.asked) * share;
  const samples = [...new Set([...data.train, ...data.selection])];
  const folds = foldsFor(samples, ({ image }) => data.groupOf(image), seed);
  return (
    (folds && withTrainings(folds, { count, seconds, seed })) ?? plain(samples, { count, seconds, seed })
  );
}

interface Limits {
  readonly count: number;
  readonly seconds: number;
  readonly seed: number;
}

function withTrainings({ parts: [a, b], halves }: Folds, { count, seconds, seed }: Limits): BasesPlan | null {
  const training = 2 * (costs.engine + trialSamples * costs.train);
  for (let bases = count; bases >= 2; bases--) {
    const most = Math.floor((seconds / bases - training) / (2 * (scored + costs.score)));
    if (most < Math.min(fewest, a.length, b.length)) continue;
    const parts = [someOf(a, most, seed), someOf(b, most, seed)] as const;
    const judges = parts.flat();
    return {
      bases,
      judges,
      folds: { parts, halves },
      samples: trialSamples,
      seconds: bases * (training + judges.length * (scored + costs.score)),
    };
  }
  return null;
}

function plain(samples: readonly Sample[], { count, seconds, seed }: Limits): BasesPlan {
  const most = (bases: number): number => Math.floor((seconds / bases - costs.engine) / scored);
  let bases = count;
  while (bases > 2 && most(bases) < Math.min(2 * fewest, samples.length)) bases--;
  const judges = someOf(samples, Math.max(fewest, most(bases)), seed);
  return {
    bases,
    judges,
    folds: null,
    samples: 0,
    seconds: bases * (costs.engine + judges.length * scored),
  };
}
