import type { Zoom } from "../../domain/focus.ts";
import type { Hyperparameters } from "../../domain/hyperparameters.ts";
import type { Recipe } from "../loop/recipe.ts";
import { type Arm, armsFor } from "./arms.ts";
import { costs, type Purse } from "./costs.ts";
import type { Folds } from "./folds.ts";
import { type LeftOut, type OtherPlan, type OtherTried, planOther } from "./other.ts";
import { plannedSteps, SearchProgress } from "./planned.ts";
import { batch, samplesOf, type Trial, Trials, type TrialsDeps } from "./trials.ts";
import type { ZoomOption } from "./zoom-options.ts";

export interface SearchDeps extends TrialsDeps {
  /** How far it is, in training samples, encodes counted as so many of them. */
  readonly onProgress: (done: number, total: number) => Promise<void>;
  /** True ends the search with the best so far. */
  readonly stopRequested: () => boolean;
}

export interface SearchOptions {
  readonly asked: Hyperparameters;
  /** Zooms to choose from, the cheapest first; at least one. */
  readonly options: readonly ZoomOption[];
  readonly folds: Folds;
  readonly purse: Purse;
  /** What is not to be taken, but to be told of; its seconds are not the purse's. */
  readonly left?: LeftOut | null;
}

export interface Found {
  readonly arm: Arm;
  readonly zoom: Zoom | null;
  readonly flips: Recipe["flips"];
  readonly trials: readonly Trial[];
  /** Null where nothing was left out, or it could not be tried. */
  readonly other: OtherTried | null;
}

/** A closer look costs an encode for every prompt; it has to bring so much mean IoU over the one before. */
export const zoomIsWorth = 0.01;
/** Flips cost an encode for every training sample. */
const flipsAreWorth = 0.005;
const [fewestSamples, mostSamples] = [60, 120];
/** Recipes are tried beside the first while the purse lasts; trials are made so long that at least so many can be. */
const wantedRecipes = 2;

/**
 * Successive halving over zooms and recipes (Jamieson and Talwalkar 2016): first every zoom with the first recipe, then
 * other recipes with the best zoom, then the two best recipes with twice the samples, then the best with flips, and last
 * what is left out beside what is taken. The purse decides how long trials are and which still run, by counts alone, so
 * the same data and seed search the same way everywhere.
 */
export async function search(deps: SearchDeps, given: SearchOptions): Promise<Found> {
  const { asked, options, folds, purse, left = null } = given;
  const arms = armsFor(asked);
  const [first, ...others] = arms as [Arm, ...Arm[]];
  // What has no rival needs no trial.
  if (arms.length === 1 && options.length === 1) {
    return { arm: first, zoom: (options[0] as ZoomOption).zoom, flips: [], trials: [], other: null };
  }
  const judged = folds.parts[0].length + folds.parts[1].length;
  const encoding = (regions: number): number => regions * judged * costs.encode;
  purse.spend(options.reduce((sum, option) => sum + (option.zoom ? encoding(option.regions) : 0), 0));
  const runs = options.length + Math.min(wantedRecipes, others.length);
  const each = 2 * (costs.engine + (judged / 2) * costs.score);
  const affordable = (purse.left - runs * each) / (runs * 2 * costs.train);
  const samples = Math.max(fewestSamples, Math.min(mostSamples, Math.floor(affordable / batch) * batch));
  const costOf = (count: number): number => each + 2 * count * costs.train;
  const flipsAsked = asked.flips === undefined || asked.flips === "auto";
  const seconds = purse.left;
  const plan = left && planOther(left, folds, { samples: fewestSamples, seed: deps.seed });
  const plannedWith = (regions: number): number[] =>
    plannedSteps({
      seconds,
      zooms: options.map((option) => (option.zoom ? encoding(option.regions) : 0)),
      recipes: others.length,
      flips: flipsAsked ? encoding(regions) : null,
      samples,
      secondsOf: costOf,
      samplesOf: (count) => samplesOf(count, folds),
      other: plan && { encodes: plan.encodes, trial: samplesOf(fewestSamples, plan.folds) },
    });
  const progress = new SearchProgress(deps.onProgress);
  progress.plan(plannedWith(Math.min(...options.map((option) => option.regions))));
  const trials = new Trials(deps, asked, progress);
  const attempt = async (tried: Parameters<Trials["run"]>[1]): Promise<Trial> => {
    purse.spend(costOf(tried.samples));
    return trials.run(folds, tried);
  };

  let best: Trial | undefined;
  for (const { zoom } of options) {
    if (best && deps.stopRequested()) break;
    await trials.embed(folds, { zoom, flips: [] });
    const trial = await attempt({ rung: "zoom", arm: first, zoom, samples });
    if (!best || trial.meanIou > best.meanIou + zoomIsWorth) best = trial;
  }
  if (!best) throw new Error("there was no zoom to try");
  const { zoom } = best;
  const { regions } = options.find((option) => option.zoom === zoom) as ZoomOption;
  progress.plan(plannedWith(regions));
  let ranked = [best];
  for (const arm of others) {
    if (deps.stopRequested() || purse.left < costOf(samples)) break;
    ranked.push(await attempt({ rung: "recipe", arm, zoom, samples }));
  }
  ranked = ranked.toSorted((a, b) => b.meanIou - a.meanIou);
  if (ranked.length > 2 && !deps.stopRequested() && purse.left >= 2 * costOf(2 * samples)) {
    const finalists: Trial[] = [];
    for (const { arm } of ranked.slice(0, 2))
      finalists.push(await attempt({ rung: "final", arm, zoom, samples: 2 * samples }));
    ranked = finalists.toSorted((a, b) => b.meanIou - a.meanIou);
  }
  const winner = ranked[0] as Trial;
  const { arm } = winner;
  let flips: Trial["flips"] = [];
  const encodes = encoding(regions);
  if (flipsAsked && !deps.stopRequested() && purse.left >= encodes + costOf(winner.samples)) {
    purse.spend(encodes);
    const mirrored: Trial["flips"] = ["x"];
    await trials.embed(folds, { zoom, flips: mirrored });
    const trial = await attempt({ rung: "flips", arm, zoom, flips: mirrored, samples: winner.samples });
    if (trial.meanIou > winner.meanIou + flipsAreWorth) flips = mirrored;
  }
  const other =
    left && plan && !deps.stopRequested()
      ? await tryOther(trials, { plan, arm, own: zoom, other: left.option.zoom })
      : null;
  return { arm, zoom, flips, trials: trials.all, other };
}

/** What was left out beside what was taken, on the same samples. */
async function tryOther(
  trials: Trials,
  { plan, arm, own, other }: { plan: OtherPlan; arm: Arm; own: Zoom | null; other: Zoom | null },
): Promise<OtherTried> {
  const tried = { rung: "other", arm, samples: fewestSamples } as const;
  const { meanIou: ownMeanIou } = await trials.run(plan.folds, { ...tried, zoom: own });
  await trials.embed(plan.folds, { zoom: other, flips: [] });
  const { meanIou } = await trials.run(plan.folds, { ...tried, zoom: other });
  const samples = plan.folds.parts.flat().length;
  return { zoom: other, meanIou, ownMeanIou, samples, seconds: plan.seconds };
}
