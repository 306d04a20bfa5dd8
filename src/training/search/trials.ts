import type { Zoom } from "../../domain/focus.ts";
import type { Hyperparameters } from "../../domain/hyperparameters.ts";
import { lossText } from "../engine/objective.ts";
import { type Recipe, resolveRecipe } from "../loop/recipe.ts";
import type { Sample } from "../data/samples.ts";
import type { Candidate } from "./candidates.ts";
import type { Folds } from "../data/folds.ts";
import type { SearchProgress } from "./search-progress.ts";
import { crossTrial, type TrialDeps } from "./trial.ts";

/** One trial: a recipe and a zoom, trained on each half of the data and judged on the other. */
export interface Trial {
  /** 1, 2, 3 ... in the order they ran. */
  readonly trial: number;
  /** What it was about. */
  readonly rung: "zoom" | "recipe" | "final" | "flips" | "other";
  readonly candidate: Candidate;
  readonly zoom: Zoom | null;
  readonly flips: Recipe["flips"];
  /** Training samples of each half. */
  readonly samples: number;
  /** Mean over all judged samples. */
  readonly meanIou: number;
}

/** What is tried in one of them. */
export type Tried = Pick<Trial, "rung" | "candidate" | "zoom" | "samples"> & Partial<Pick<Trial, "flips">>;

export interface TrialsDeps extends Omit<TrialDeps, "onSamples"> {
  /** Makes sure that all regions that these samples are seen in are embedded, and tells which share of them is. */
  readonly embed: (
    samples: readonly Sample[],
    seen: Pick<Trial, "zoom" | "flips">,
    tell: (share: number) => Promise<void>,
  ) => Promise<void>;
  readonly onTrial: (trial: Trial) => Promise<void>;
}

/** Samples of a training step. */
export const batch = 4;

/** The trials of one search; embedding and each trial are steps of its progress. */
export class Trials {
  readonly all: Trial[] = [];
  readonly #deps: TrialsDeps;
  readonly #asked: Hyperparameters;
  readonly #progress: SearchProgress;

  constructor(deps: TrialsDeps, asked: Hyperparameters, progress: SearchProgress) {
    this.#deps = deps;
    this.#asked = asked;
    this.#progress = progress;
  }

  async embed(folds: Folds, seen: Pick<Trial, "zoom" | "flips">): Promise<void> {
    await this.#deps.embed(folds.parts.flat(), seen, (share) => this.#progress.within(share));
    await this.#progress.next();
  }

  async run(folds: Folds, { rung, candidate, zoom, samples, flips = [] }: Tried): Promise<Trial> {
    const all = samplesOf(samples, folds);
    let looked = 0;
    const onSamples = async (some: number): Promise<void> => {
      looked += some;
      await this.#progress.within(looked / all);
    };
    const recipeFor = (trainSamples: number): Recipe => ({
      ...trialRecipe(this.#asked, candidate, trainSamples),
      flips,
    });
    const ious = await crossTrial({ ...this.#deps, onSamples }, { folds, recipeFor, zoom, samples });
    const meanIou = ious.reduce((sum, iou) => sum + iou, 0) / ious.length;
    const trial: Trial = { trial: this.all.length + 1, rung, candidate, zoom, flips, samples, meanIou };
    this.all.push(trial);
    await this.#deps.onTrial(trial);
    await this.#progress.next();
    return trial;
  }
}

/**
 * Training samples that both halves look at in a trial of `count` each: a half of fewer samples than a batch has smaller
 * batches, and the last one is always full.
 */
export const samplesOf = (count: number, { parts }: Folds): number =>
  parts.reduce((sum, { length }) => sum + roundedUp(count, Math.min(batch, length)), 0);

const roundedUp = (count: number, to: number): number => Math.ceil(count / to) * to;

/** Boxes alone: a trial is short, and all are compared by boxes. */
export const trialRecipe = (
  asked: Hyperparameters,
  { loss, learningRate, turns }: Candidate,
  trainSamples: number,
): Recipe =>
  resolveRecipe(
    {
      ...asked,
      loss,
      learning_rate: learningRate,
      ...(turns ? { turns: "all" as const } : {}),
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

export const trialText = ({ trial, rung, candidate, zoom, flips, meanIou, samples }: Trial): string =>
  `Trial ${trial} (${rung}): ${zoomText(zoom)}${flips.length > 0 ? ", flipped too" : ""}${candidate.turns ? ", turned" : ""}, ${lossText(candidate.loss)} at ${candidate.learningRate}, ${samples} samples: mean IoU ${meanIou.toFixed(3)}`;
