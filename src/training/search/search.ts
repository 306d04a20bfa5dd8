import { planOther } from "./other.ts";
import { SearchProgress } from "./search-progress.ts";
import { type Choice, forecast, rungs, samplesOfOther, type SearchOptions } from "./rungs.ts";
import { type Trial, Trials, type TrialsDeps } from "./trials.ts";

export interface SearchDeps extends TrialsDeps {
  /** How far it is, in training samples, encodes counted as so many of them. */
  readonly onProgress: (done: number, total: number) => Promise<void>;
  /** True ends the search with the best so far. */
  readonly stopRequested: () => boolean;
}

export interface Found extends Choice {
  readonly trials: readonly Trial[];
}

/** Takes the steps of rungs.ts one after the other, and tells how far it is by a forecast made of the same steps. */
export async function search(deps: SearchDeps, given: SearchOptions): Promise<Found> {
  const { left = null, folds } = given;
  const plan = left && planOther(left, folds, { samples: samplesOfOther, seed: deps.seed });
  const known: number[] = [];
  const progress = new SearchProgress(deps.onProgress);
  progress.plan(forecast(given, plan, known));
  const trials = new Trials(deps, given.asked, progress);
  const steps = rungs(given, plan, deps.stopRequested);
  for (let next = steps.next(); ;) {
    if (next.done) return { ...next.value, trials: trials.all };
    const step = next.value;
    if (step.embed) {
      await trials.embed(step.folds, step.embed);
      next = steps.next(0);
      continue;
    }
    const { meanIou } = await trials.run(step.folds, step.trial);
    known.push(meanIou);
    progress.plan(forecast(given, plan, known));
    next = steps.next(meanIou);
  }
}
