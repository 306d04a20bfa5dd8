import type { NamedTensors } from "../../checkpoint/named-tensors.ts";
import type { Zoom } from "../../domain/focus.ts";
import { BatchMaker } from "../prompts/batch-maker.ts";
import type { TrainingEngine } from "../engine/types.ts";
import { pairedGain } from "../evaluation/interval.ts";
import { type Recipe, scheduleOf, stepsPerEpoch } from "./recipe.ts";
import { type EmbeddingOf, epochBatches, randomFor, type Sample } from "../data/samples.ts";
import { takeSteps } from "./steps.ts";
import { iousOf } from "../evaluation/scores.ts";

export interface EpochReport {
  /** 0 is the untouched start. */
  readonly epoch: number;
  /** Mean over the epoch's steps; null at epoch 0. */
  readonly trainLoss: number | null;
  /** Prompts of the epoch's steps, and how many of them began as people had prompted. None at epoch 0. */
  readonly prompts?: { readonly all: number; readonly real: number };
  /** Mean IoU of the selection samples, at the original size, exact boxes. */
  readonly selectionIou: number;
  /** 95 % interval of that mean over images, in [0, 1]; null ends where there is one image. */
  readonly selectionInterval: { readonly low: number | null; readonly high: number | null };
  /** Learning rate of the epoch's last step; 0 at epoch 0. */
  readonly learningRate: number;
  readonly epochSeconds: number;
}

/** Where training stands at the end of an epoch; what the engine holds is its own affair. */
export interface LoopState {
  /** Reports of every epoch so far. */
  readonly curve: readonly EpochReport[];
  readonly best: {
    readonly epoch: number;
    readonly iou: number;
    /** All weights, Meta's names. */
    readonly weights: NamedTensors;
  };
}

export interface TrainingRun {
  readonly engine: TrainingEngine;
  readonly recipe: Recipe;
  readonly seed: number;
  readonly train: readonly Sample[];
  /** Chooses the best epoch; never empty. */
  readonly selection: readonly Sample[];
  /** How the selection is seen; the training samples are what is seen already. Left out, as plain SAM sees. */
  readonly zoom?: Zoom | null;
  readonly embeddingOf: EmbeddingOf;
  /** Goes on from here, where the engine stands already; left out, begins. */
  readonly resume?: LoopState | undefined;
  readonly signal: AbortSignal;
  /** True once training shall end with its best epoch so far; asked before every step. */
  stopRequested(): boolean;
  onEpoch(report: EpochReport): Promise<void>;
  /** At the end of every trained epoch. */
  onState(state: LoopState): Promise<void>;
  /** Samples done so far, of epochs * samples per epoch (rounded up to full batches). */
  onSamples(done: number): Promise<void>;
}

export interface TrainingResult {
  /** All weights of the best epoch, Meta's names. */
  readonly weights: NamedTensors;
  readonly bestEpoch: number;
  readonly curve: readonly EpochReport[];
  /** True when `stopRequested` ended it. */
  readonly stopped: boolean;
}

/**
 * Trains until the epochs are over or `patience` of them brought nothing better, and gives back the best epoch by
 * selection IoU; the untouched start is a candidate, and of two equal ones the earlier wins. A run that was resumed
 * ends as if it had never been interrupted: the samples of an epoch follow from the seed and its number alone.
 * A stop drops the epoch under way, but not the first one: before that there is nothing to keep.
 * Throws the signal's reason when it aborts, and an Error when the loss stops being a number.
 */
export async function train(run: TrainingRun): Promise<TrainingResult> {
  const { recipe } = run;
  const maker = new BatchMaker({ ...run, samples: run.train });
  let state = run.resume ?? (await endOfEpoch(run, { epoch: 0, trained: null, started: performance.now() }));
  let stopped = false;
  for (let epoch = state.curve.length; epoch <= recipe.epochs; epoch++) {
    if (epoch - 1 - state.best.epoch >= recipe.patience) break;
    const started = performance.now();
    const trained = await trainEpoch(run, epoch, maker);
    stopped = trained === null;
    if (!trained) break;
    state = await endOfEpoch(run, { epoch, trained, started, before: state });
    await run.onState(state);
  }
  return { weights: state.best.weights, bestEpoch: state.best.epoch, curve: state.curve, stopped };
}

interface Trained {
  readonly meanLoss: number;
  readonly prompts: { readonly all: number; readonly real: number };
  /** Learning rate of the last step. */
  readonly rate: number;
}

/** Null when a stop was asked for meanwhile. */
async function trainEpoch(run: TrainingRun, epoch: number, maker: BatchMaker): Promise<Trained | null> {
  const { engine, recipe, seed } = run;
  const stepsEach = stepsPerEpoch(recipe.samplesPerEpoch, recipe.batchSize);
  const batches = epochBatches(run.train.length, {
    seed,
    epoch,
    perEpoch: recipe.samplesPerEpoch,
    batchSize: recipe.batchSize,
  });
  let [lossSum, real, rate] = [0, 0, 0];
  const whole = await takeSteps(
    {
      engine,
      maker,
      schedule: scheduleOf(recipe),
      signal: run.signal,
      stop: () => epoch > 1 && run.stopRequested(),
      onStep: async (one) => {
        lossSum += one.loss;
        real += one.real;
        rate = one.learningRate;
        await run.onSamples(one.step * recipe.batchSize);
      },
    },
    { epoch, batches, before: (epoch - 1) * stepsEach },
  );
  const prompts = { all: batches.length * recipe.batchSize, real };
  return whole ? { meanLoss: lossSum / batches.length, prompts, rate } : null;
}

/** Scores the epoch and tells of it. `trained` is null for epoch 0. */
async function endOfEpoch(
  run: TrainingRun,
  options: { epoch: number; trained: Trained | null; started: number; before?: LoopState },
): Promise<LoopState> {
  const { engine, embeddingOf, signal } = run;
  const { epoch, trained, started, before } = options;
  const ious = await iousOf(engine, run.selection, {
    embeddingOf,
    batchSize: run.recipe.batchSize,
    signal,
    zoom: run.zoom ?? null,
  });
  // Drawn from the seed and the epoch alone, so that a resumed run tells the same.
  const { low, high } = pairedGain(
    ious.map((value, i) => ({ group: (run.selection[i] as Sample).image.id, value })),
    randomFor(run.seed, "selection interval", epoch),
  );
  const iou = ious.reduce((sum, one) => sum + one, 0) / ious.length;
  const report: EpochReport = {
    epoch,
    trainLoss: trained?.meanLoss ?? null,
    ...(trained && { prompts: trained.prompts }),
    selectionIou: iou,
    selectionInterval: { low: low && Math.max(0, low), high: high && Math.min(1, high) },
    learningRate: trained?.rate ?? 0,
    epochSeconds: (performance.now() - started) / 1000,
  };
  const best =
    before && !(iou > before.best.iou) ? before.best : { epoch, iou, weights: await engine.weights() };
  await run.onEpoch(report);
  return { curve: [...(before?.curve ?? []), report], best };
}
