import type { NamedTensors } from "../../checkpoint/named-tensors.ts";
import type { Zoom } from "../../domain/focus.ts";
import { BatchMaker } from "../prompts/batch-maker.ts";
import { engineSpecOf } from "../engine/engine-options.ts";
import type { CreateEngine, EngineName } from "../engine/types.ts";
import { trainingParts } from "../focus/parts.ts";
import { type Recipe, scheduleOf } from "../loop/recipe.ts";
import { type EmbeddingOf, type Sample } from "../data/samples.ts";
import { LossNotFinite, type Step, takeSomeSteps } from "../loop/steps.ts";
import { iousOf } from "../evaluation/scores.ts";
import type { Folds } from "../data/folds.ts";

/** What one trial trains with and on. */
export interface TrialRun {
  readonly recipe: Recipe;
  readonly zoom: Zoom | null;
  readonly train: readonly Sample[];
  /** All that is annotated on the images of `train`. */
  readonly nearby: readonly Sample[];
  readonly judge: readonly Sample[];
  /** Training samples to look at in all; rounded up to full batches. */
  readonly samples: number;
  /** Whether `judge` is scored before the training, too. */
  readonly alsoBefore?: boolean;
}

/** A trial on two halves of the data, each of which judges what the other has trained. */
export interface CrossTrial {
  readonly folds: Folds;
  readonly recipeFor: (trainSamples: number) => Recipe;
  readonly zoom: Zoom | null;
  /** Training samples of each half; rounded up to full batches. */
  readonly samples: number;
}

export interface TrialDeps {
  readonly createEngine: CreateEngine;
  readonly engine: EngineName | "auto";
  /** What training starts from. */
  readonly weights: NamedTensors;
  readonly seed: number;
  readonly embeddingOf: EmbeddingOf;
  readonly signal: AbortSignal;
  /** After every step, with the samples it took. */
  readonly onSamples: (count: number) => Promise<void>;
}

export interface TrialScore {
  /** IoU of each judging sample, in their order, exact boxes, masks as they are. */
  readonly ious: readonly number[];
  /** The same before the training; empty unless that was asked for. */
  readonly before: readonly number[];
  /** Mean loss of the last quarter of the steps. */
  readonly loss: number;
}

/** IoU of every sample of the halves, those of the second half first. */
export async function crossTrial(
  deps: TrialDeps,
  { folds, recipeFor, zoom, samples }: CrossTrial,
): Promise<number[]> {
  const ious: number[] = [];
  for (const [half, other] of [
    [0, 1],
    [1, 0],
  ] as const) {
    const [train, judge, nearby] = [folds.parts[half], folds.parts[other], folds.halves[half]];
    const recipe = recipeFor(train.length);
    ious.push(...(await runTrial(deps, { recipe, zoom, train, nearby, judge, samples })).ious);
  }
  return ious;
}

/** One short training from the start, and what it makes of samples that it did not see. */
export async function runTrial(deps: TrialDeps, run: TrialRun): Promise<TrialScore> {
  const { seed, embeddingOf, signal } = deps;
  const { recipe, zoom } = run;
  const parts = trainingParts(run.train, { zoom, flips: recipe.flips, nearby: run.nearby });
  const { batchSize } = recipe;
  const steps = Math.ceil(run.samples / batchSize);
  const schedule = { ...scheduleOf(recipe), warmupSteps: Math.floor(steps / 10), totalSteps: steps };
  const engine = await deps.createEngine(engineSpecOf(recipe, deps.weights), { engine: deps.engine });
  let before: number[] = [];
  try {
    const score = async () => iousOf(engine, run.judge, { embeddingOf, batchSize, signal, zoom });
    if (run.alsoBefore) before = await score();
    const maker = new BatchMaker({ samples: parts, recipe, seed, embeddingOf, engine });
    const losses: number[] = [];
    const onStep = async ({ loss }: Step): Promise<void> => {
      losses.push(loss);
      await deps.onSamples(batchSize);
    };
    await takeSomeSteps(
      { engine, maker, schedule, signal, onStep },
      { samples: parts.length, steps, seed, batchSize },
    );
    const ious = await score();
    const last = losses.slice(-Math.ceil(losses.length / 4));
    return { ious, before, loss: last.reduce((sum, loss) => sum + loss, 0) / last.length };
  } catch (error) {
    if (error instanceof LossNotFinite) return { ious: run.judge.map(() => 0), before, loss: error.loss };
    throw error;
  } finally {
    await engine.dispose();
  }
}
