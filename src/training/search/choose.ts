import type { NamedTensors } from "../../checkpoint/named-tensors.ts";
import type { OtherFocus } from "../../domain/serving.ts";
import type { Zoom } from "../../domain/focus.ts";
import { type Hyperparameters, type Serving, servingOf } from "../../domain/hyperparameters.ts";
import { embedParts } from "../data/embed-parts.ts";
import { evaluationCost, finalRecipe } from "./last-training.ts";
import type { PreparedData } from "../data/prepare.ts";
import { type Recipe, resolveRecipe, samplesInAll } from "../loop/recipe.ts";
import type { Run } from "../run.ts";
import type { Sample } from "../data/samples.ts";
import { type Candidate, candidatesFor, nameOfCandidate } from "./candidates.ts";
import { costs } from "./costs.ts";
import { foldsFor } from "../data/folds.ts";
import { inTurns } from "../evaluation/evaluation.ts";
import { otherFocus, otherText } from "./other.ts";
import { search } from "./search.ts";
import { countedCosts, isInteractive } from "./serving.ts";
import { type Trial, trialText, zoomText } from "./trials.ts";
import { clickSide, optionOf, type ZoomOption, zoomOptions, type ZoomOptions } from "./zoom-options.ts";
import { type Encodable, encodable } from "../data/thin.ts";

/** What a fine-tune does, once nothing is left to "auto". Plain JSON: a later attempt takes it from the row. */
export interface Chosen {
  readonly recipe: Recipe;
  readonly zoom: Zoom | null;
  readonly trials: readonly Trial[];
  readonly serving: Serving;
  /** The zoom that the other serving would have, before any sharpening; null where it is the same, or none is known. */
  readonly other: OtherFocus | null;
}

/** Five minutes on two cores. */
export const defaultBudget = 300;
/** The search gets so much of the budget; what it leaves goes to the training. */
const searchShare = 0.5;
/** And the training at least so much, whatever the evaluation will take. */
const trainingShare = 0.25;
/** And what trains once more on all images so much; the head that is trained with it is not counted. */
const refitShare = 0.15;
/** Held-out annotations that judge, for each second: scored three to five times, they take a seventh to a quarter of them. */
const judgedPerSecond = 2;
/** What is too slow to be taken is tried for at most so much, so that it can be told what it would bring. */
const otherShare = 0.2;

/**
 * Chooses recipe and zoom: by search, within the budget, or as they were asked for. A number of epochs that is asked for
 * is a recipe by hand, and nothing is searched; so it is with data that can't be halved.
 */
export async function choose(
  run: Run,
  data: PreparedData,
  start: { weights: NamedTensors; iou: number },
): Promise<Chosen> {
  const { asked } = data;
  const serving = servingOf(asked);
  const known = { trainSamples: data.train.length, startIou: start.iou };
  const folds = foldsFor(developmentSamples(data), ({ image }) => data.groupOf(image), run.seed);
  if (isByHand(asked) || !folds) {
    const zoom = askedZoom(asked, data.train);
    return { recipe: resolveRecipe(asked, known), zoom, trials: [], serving, other: null };
  }
  const budget = budgetOf(asked);
  const { taken: options, left } = searchedZooms(data, { budget, seed: run.seed });
  // Tiles are the only zoom that is left out, or there will be finer ones behind.
  const finest = left.at(-1) ?? null;
  const samples = folds.parts.flat();
  await run.tell({
    message: `Searching for a recipe within ${budget} budget seconds, serving ${serving}: ${options.map(({ zoom }) => zoomText(zoom)).join("; ")}`,
    data: { budget_seconds: budget, serving, zooms: options.map(asSent), left_out: left.map(asSent) },
  });
  // For the estimate of the end, as if the first recipe won and the search took all of its share.
  const likely = {
    candidate: candidatesFor(asked, { startIou: start.iou })[0] as Candidate,
    zoom: null,
    flips: [],
    passes: null,
  };
  const trainingSeconds = budget * (1 - searchShare - (finest ? otherShare : 0));
  const expected = finalRecipe(data, likely, { startIou: start.iou, seconds: trainingSeconds });
  run.meter.plan({ train: samplesInAll(expected) });
  const found = await search(
    {
      ...run.services,
      weights: start.weights,
      seed: run.seed,
      signal: run.signal,
      embeddingOf: run.embeddingOf,
      embed: async (some, seen, tell) => embedParts(run, some, seen, tell),
      onProgress: async (done, total) => {
        run.meter.plan({ search: total });
        await run.progress("search", done);
      },
      onTrial: async (trial) => run.tell(trialEvent(trial)),
      stopRequested: () => run.stopRequested,
    },
    {
      asked,
      startIou: start.iou,
      options,
      folds,
      seconds: budget * searchShare,
      left: finest && { option: finest, seconds: budget * otherShare },
    },
  );
  const spent = found.spent + (found.other?.seconds ?? 0);
  const used = thinned(data, found.zoom, run.seed);
  const rest = budget - spent - refitSeconds(asked, found.zoom) - evaluationCost(used, found.zoom, samples);
  const recipe = finalRecipe(used, found, {
    startIou: start.iou,
    seconds: Math.max(rest, budget * trainingShare),
  });
  const isQuick = (zoom: Zoom | null): boolean => isInteractive(countedCosts(data.train, zoom, null));
  const other = otherFocus(found, { left: finest, isQuick, samples: samples.length });
  const chosen: Chosen = { recipe, zoom: found.zoom, trials: found.trials, serving, other };
  await run.keep({ chosen: { ...chosen } });
  await run.tell({
    message: `Chosen: ${zoomText(found.zoom)}, ${nameOfCandidate(found.candidate)}, at most ${recipe.epochs} epochs`,
    data: { zoom: found.zoom, epochs: recipe.epochs, trials: found.trials.length },
  });
  if (other) await run.tell(otherText(serving, other));
  return chosen;
}

/**
 * Items of work to come, before anything is scored: what the budget pays for, or the recipe that was asked for. Units are
 * those of the progress, training samples.
 * @param evaluation budget seconds that the judgement takes
 */
export function firstForecast(data: PreparedData, evaluation: number): { search: number; train: number } {
  if (isByHand(data.asked)) {
    const recipe = resolveRecipe(data.asked, { trainSamples: data.train.length, startIou: 0 });
    return { search: 0, train: samplesInAll(recipe) };
  }
  const budget = budgetOf(data.asked);
  const training = Math.max(budget * trainingShare, budget * (1 - searchShare) - evaluation);
  return {
    search: Math.round((budget * searchShare) / costs.train),
    train: Math.round(training / costs.trainMixed),
  };
}

/**
 * The data, judged by no more held-out annotations than the budget scores beside the training: some of every group, by no
 * seed, so that what few judge is a part of what many do.
 */
export function judgedWithin(data: PreparedData): PreparedData {
  const most = Math.ceil(budgetOf(data.asked) * judgedPerSecond);
  if (data.heldOut.length <= most) return data;
  const some = new Set(inTurns(data.heldOut, data.groupOf).slice(0, most));
  return { ...data, heldOut: data.heldOut.filter((sample) => some.has(sample)) };
}

/**
 * The data that the last training and its judgement see, given what was chosen: where a closer look at all of it is more
 * than the budget encodes, some of it. A recipe by hand trains on all and is judged by all.
 */
export function thinned(
  data: PreparedData,
  zoom: Zoom | null,
  seed: number,
): PreparedData & Pick<Encodable, "learnt"> {
  if (isByHand(data.asked)) return { ...data, learnt: data.train.length };
  const { train, selection, heldOut, learnt } = encodable(data, zoom, { budget: budgetOf(data.asked), seed });
  return { ...data, train, selection, heldOut, learnt };
}

export const isByHand = (asked: Hyperparameters): boolean =>
  asked.recipe === "tutorial" || isSet(asked.epochs);

export const budgetOf = ({ budget_seconds: seconds }: Hyperparameters): number =>
  isSet(seconds) ? seconds : defaultBudget;

/**
 * What an attempt before has chosen, read back. A release that knew no flips, no turns, or no serving, kept nothing of them, and
 * one called candidates `arm`.
 */
export const asChosen = (kept: Chosen): Chosen => ({
  ...kept,
  trials: kept.trials.map((trial) =>
    "arm" in trial ? { ...trial, candidate: trial.arm as Candidate } : trial,
  ),
  serving: kept.serving ?? "best",
  other: kept.other ?? null,
  recipe: { ...kept.recipe, flips: kept.recipe.flips ?? [], turns: kept.recipe.turns ?? false },
});

/**
 * Budget seconds of a training on all images, 0 where there is none. Left to "auto", versions that look closer have one: on
 * images that nobody had given, those gained .010 to .022 by it and those that see the whole image lost .007 to .012.
 */
export function refitSeconds(asked: Hyperparameters, zoom: Zoom | null): number {
  const wanted = isSet(asked.refit) ? asked.refit : zoom !== null && !isByHand(asked);
  return wanted ? budgetOf(asked) * refitShare : 0;
}

const isSet = <T>(value: T | "auto" | undefined): value is T => value !== undefined && value !== "auto";

/** All but what is held out; each once. */
const developmentSamples = ({ train, selection }: PreparedData): Sample[] => [
  ...new Set([...train, ...selection]),
];

function askedZoom(asked: Hyperparameters, samples: readonly Sample[]): Zoom | null {
  if (!isSet(asked.zoom) || asked.zoom === "none") return null;
  return { ...asked.zoom, click_side: clickSide(samples, asked.zoom.context) };
}

function searchedZooms(data: PreparedData, limits: { budget: number; seed: number }): ZoomOptions {
  const { asked, train } = data;
  if (isSet(asked.zoom)) return { taken: [optionOf(train.slice(0, 24), askedZoom(asked, train))], left: [] };
  const best = servingOf(asked) === "best";
  return zoomOptions(train, {
    affordable: (zoom) => encodable(data, zoom, limits).worthIt,
    quick: (zoom) => best || isInteractive(countedCosts(train, zoom, null)),
  });
}

const trialEvent = (trial: Trial) => ({
  type: "metrics" as const,
  message: trialText(trial),
  data: {
    trial: trial.trial,
    rung: trial.rung,
    zoom: trial.zoom,
    loss: trial.candidate.loss,
    learning_rate: trial.candidate.learningRate,
    turns: trial.candidate.turns ?? false,
    samples: trial.samples,
    mean_iou: trial.meanIou,
  },
});

const asSent = ({ zoom, ceiling, regions }: ZoomOption) => ({ zoom, ceiling_iou: ceiling, regions });
