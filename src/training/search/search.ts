import type { Zoom } from "../../lib/focus.ts";
import type { Hyperparameters } from "../../lib/hyperparameters.ts";
import { lossText } from "../objective.ts";
import { type Recipe, resolveRecipe } from "../recipe.ts";
import type { Sample } from "../samples.ts";
import { type Arm, armsFor } from "./arms.ts";
import { costs, type Purse } from "./costs.ts";
import type { Folds } from "./folds.ts";
import { plannedSteps, SearchProgress } from "./planned.ts";
import { runTrial, type TrialDeps } from "./trial.ts";
import type { ZoomOption } from "./zoom-options.ts";

/** One trial: a recipe and a zoom, trained on each half of the data and judged on the other. */
export interface Trial {
  /** 1, 2, 3 ... in the order they ran. */
  readonly trial: number;
  /** What it was about. */
  readonly rung: "zoom" | "recipe" | "final" | "flips";
  readonly arm: Arm;
  readonly zoom: Zoom | null;
  readonly flips: Recipe["flips"];
  /** Training samples of each half. */
  readonly samples: number;
  /** Mean over all judged samples. */
  readonly meanIou: number;
}

export interface SearchDeps extends Omit<TrialDeps, "onSamples"> {
  /** Makes sure that all regions that these samples are seen in are embedded, and tells which share of them is. */
  readonly embed: (
    samples: readonly Sample[],
    seen: Pick<Trial, "zoom" | "flips">,
    tell: (share: number) => Promise<void>,
  ) => Promise<void>;
  /** How far it is, in training samples, encodes counted as so many of them. */
  readonly onProgress: (done: number, total: number) => Promise<void>;
  readonly onTrial: (trial: Trial) => Promise<void>;
  /** True ends the search with the best so far. */
  readonly stopRequested: () => boolean;
}

export interface Found {
  readonly arm: Arm;
  readonly zoom: Zoom | null;
  readonly flips: Recipe["flips"];
  readonly trials: readonly Trial[];
}

/** A closer look costs an encode for every prompt; it has to bring so much mean IoU over the one before. */
const zoomIsWorth = 0.01;
/** Flips cost an encode for every training sample. */
const flipsAreWorth = 0.005;
const batch = 4;
const [fewestSamples, mostSamples] = [60, 120];
/** Recipes are tried beside the first while the purse lasts; trials are made so long that at least so many can be. */
const wantedRecipes = 2;

/**
 * Successive halving over zooms and recipes (Jamieson and Talwalkar 2016): first every zoom with the first recipe, then
 * other recipes with the best zoom, then the two best recipes with twice the samples, then the best with flips. The purse
 * decides how long trials are and which still run, by counts alone, so the same data and seed search the same way everywhere.
 */
export async function search(
  deps: SearchDeps,
  {
    asked,
    options,
    folds,
    purse,
  }: { asked: Hyperparameters; options: readonly ZoomOption[]; folds: Folds; purse: Purse },
): Promise<Found> {
  const arms = armsFor(asked);
  const [onlyArm, onlyOption] = [arms[0] as Arm, options[0] as ZoomOption];
  // What has no rival needs no trial.
  if (arms.length === 1 && options.length === 1) {
    return { arm: onlyArm, zoom: onlyOption.zoom, flips: [], trials: [] };
  }
  const trials: Trial[] = [];
  const judged = folds.parts[0].length + folds.parts[1].length;
  const encoding = (regions: number): number => regions * judged * costs.encode;
  purse.spend(options.reduce((sum, option) => sum + (option.zoom ? encoding(option.regions) : 0), 0));
  const runs = options.length + Math.min(wantedRecipes, arms.length - 1);
  const each = 2 * (costs.engine + (judged / 2) * costs.score);
  const affordable = (purse.left - runs * each) / (runs * 2 * costs.train);
  const samples = Math.max(fewestSamples, Math.min(mostSamples, Math.floor(affordable / batch) * batch));
  const costOf = (count: number): number => each + 2 * count * costs.train;
  const flipsAsked = asked.flips === undefined || asked.flips === "auto";
  const seconds = purse.left;
  // A half of fewer samples than a batch has smaller batches, and the last one is always full.
  const samplesOf = (count: number): number =>
    folds.parts.reduce((sum, { length }) => sum + roundedUp(count, Math.min(batch, length)), 0);
  const plannedWith = (regions: number): number[] =>
    plannedSteps({
      seconds,
      zooms: options.map((option) => (option.zoom ? encoding(option.regions) : 0)),
      recipes: arms.length - 1,
      flips: flipsAsked ? encoding(regions) : null,
      samples,
      secondsOf: costOf,
      samplesOf,
    });
  const progress = new SearchProgress(deps.onProgress);
  progress.plan(plannedWith(Math.min(...options.map((option) => option.regions))));

  const embed = async (seen: Pick<Trial, "zoom" | "flips">): Promise<void> => {
    await deps.embed(folds.parts.flat(), seen, (share) => progress.within(share));
    await progress.next();
  };
  const attempt = async (
    rung: Trial["rung"],
    { arm, zoom, flips = [] }: { arm: Arm; zoom: Zoom | null; flips?: Trial["flips"] },
    count: number,
  ): Promise<Trial> => {
    const ious: number[] = [];
    let looked = 0;
    const onSamples = async (some: number): Promise<void> => {
      looked += some;
      await progress.within(looked / samplesOf(count));
    };
    for (const [half, other] of [
      [0, 1],
      [1, 0],
    ] as const) {
      const [train, judge, nearby] = [folds.parts[half], folds.parts[other], folds.halves[half]];
      const recipe = { ...trialRecipe(asked, arm, train.length), flips };
      const score = await runTrial(
        { ...deps, onSamples },
        { recipe, zoom, train, nearby, judge, samples: count },
      );
      ious.push(...score.ious);
    }
    purse.spend(costOf(count));
    const meanIou = ious.reduce((sum, iou) => sum + iou, 0) / ious.length;
    const trial: Trial = { trial: trials.length + 1, rung, arm, zoom, flips, samples: count, meanIou };
    trials.push(trial);
    await deps.onTrial(trial);
    await progress.next();
    return trial;
  };

  const [first, ...others] = arms as [Arm, ...Arm[]];
  let best: Trial | undefined;
  for (const { zoom } of options) {
    if (best && deps.stopRequested()) break;
    await embed({ zoom, flips: [] });
    const trial = await attempt("zoom", { arm: first, zoom }, samples);
    if (!best || trial.meanIou > best.meanIou + zoomIsWorth) best = trial;
  }
  if (!best) throw new Error("there was no zoom to try");
  const { zoom } = best;
  const { regions } = options.find((option) => option.zoom === zoom) as ZoomOption;
  progress.plan(plannedWith(regions));
  let ranked = [best];
  for (const arm of others) {
    if (deps.stopRequested() || purse.left < costOf(samples)) break;
    ranked.push(await attempt("recipe", { arm, zoom }, samples));
  }
  ranked = ranked.toSorted((a, b) => b.meanIou - a.meanIou);
  if (ranked.length > 2 && !deps.stopRequested() && purse.left >= 2 * costOf(2 * samples)) {
    const finalists: Trial[] = [];
    for (const { arm } of ranked.slice(0, 2))
      finalists.push(await attempt("final", { arm, zoom }, 2 * samples));
    ranked = finalists.toSorted((a, b) => b.meanIou - a.meanIou);
  }
  const winner = ranked[0] as Trial;
  const encodes = encoding(regions);
  if (!flipsAsked || deps.stopRequested() || purse.left < encodes + costOf(winner.samples))
    return { arm: winner.arm, zoom, flips: [], trials };
  purse.spend(encodes);
  const mirrored: Trial["flips"] = ["x"];
  await embed({ zoom, flips: mirrored });
  const other = await attempt("flips", { arm: winner.arm, zoom, flips: mirrored }, winner.samples);
  const flips = other.meanIou > winner.meanIou + flipsAreWorth ? mirrored : [];
  return { arm: winner.arm, zoom, flips, trials };
}

const roundedUp = (count: number, to: number): number => Math.ceil(count / to) * to;

/** Boxes alone: a trial is short, and all are compared by boxes. */
const trialRecipe = (asked: Hyperparameters, { loss, learningRate }: Arm, trainSamples: number) =>
  resolveRecipe(
    {
      ...asked,
      loss,
      learning_rate: learningRate,
      batch_size: Math.min(batch, trainSamples),
      prompts: "box",
      ema_decay: 0,
    },
    { trainSamples, startIou: 0 },
  );

/** For people. */
export const zoomText = (zoom: Zoom | null): string => {
  if (!zoom) return "whole image";
  const shared = zoom.raster === undefined ? "" : " that neighbours share";
  const window = `a window of ${zoom.context} boxes${shared}`;
  return zoom.tiles === 1 ? window : `${window} in ${zoom.tiles} x ${zoom.tiles} tiles`;
};

export const trialText = ({ trial, rung, arm, zoom, flips, meanIou, samples }: Trial): string =>
  `Trial ${trial} (${rung}): ${zoomText(zoom)}${flips.length > 0 ? ", flipped too" : ""}, ${lossText(arm.loss)} at ${arm.learningRate}, ${samples} samples: mean IoU ${meanIou.toFixed(3)}`;
