import type { NamedTensors } from "../checkpoint/named-tensors.ts";
import type { TrainingEngine } from "./engine/types.ts";
import { type Recipe, stepsPerEpoch } from "./recipe.ts";
import {
  type EmbeddingOf,
  epochBatches,
  jitteredBoxes,
  type Sample,
  Targets,
  trainBatch,
} from "./samples.ts";
import { learningRateAt } from "./schedule.ts";
import { meanIouOf } from "./scores.ts";

export interface EpochReport {
  /** 0 is the untouched start. */
  readonly epoch: number;
  /** Mean over the epoch's steps; null at epoch 0. */
  readonly trainLoss: number | null;
  /** Mean IoU of the selection samples, at the original size, exact boxes. */
  readonly selectionIou: number;
  /** Of the epoch's last step; 0 at epoch 0. */
  readonly learningRate: number;
  readonly epochSeconds: number;
}

export interface TrainingRun {
  readonly engine: TrainingEngine;
  readonly recipe: Recipe;
  readonly seed: number;
  readonly train: readonly Sample[];
  /** Chooses the best epoch; never empty. */
  readonly selection: readonly Sample[];
  readonly embeddingOf: EmbeddingOf;
  readonly signal: AbortSignal;
  onEpoch(report: EpochReport): Promise<void>;
  /** Samples done so far, of epochs * samples per epoch (rounded up to full batches). */
  onSamples(done: number): Promise<void>;
}

export interface TrainingResult {
  /** All weights of the best epoch, Meta's names. */
  readonly weights: NamedTensors;
  readonly bestEpoch: number;
  readonly curve: readonly EpochReport[];
}

/**
 * Trains until the epochs are over or `patience` of them brought nothing better, and gives back the best epoch by
 * selection IoU; the untouched start is a candidate, and of two equal ones the earlier wins.
 * Throws the signal's reason when it aborts, and an Error when the loss stops being a number.
 */
export async function train(run: TrainingRun): Promise<TrainingResult> {
  const { engine, recipe, signal } = run;
  const curve: EpochReport[] = [];
  let best: { epoch: number; iou: number; weights: NamedTensors } | undefined;
  const finishEpoch = async (
    epoch: number,
    trained: { loss: number | null; rate: number },
    started: number,
  ): Promise<void> => {
    const selectionIou = await meanIouOf(engine, run.selection, {
      embeddingOf: run.embeddingOf,
      batchSize: recipe.batchSize,
      signal,
    });
    const report: EpochReport = {
      epoch,
      trainLoss: trained.loss,
      selectionIou,
      learningRate: trained.rate,
      epochSeconds: (performance.now() - started) / 1000,
    };
    curve.push(report);
    if (!best || selectionIou > best.iou) {
      best = { epoch, iou: selectionIou, weights: await engine.weights() };
    }
    await run.onEpoch(report);
  };

  const start = performance.now();
  await finishEpoch(0, { loss: null, rate: 0 }, start);
  const totalSteps = recipe.epochs * stepsPerEpoch(recipe.samplesPerEpoch, recipe.batchSize);
  const targets = new Targets();
  let step = 0;
  for (let epoch = 1; epoch <= recipe.epochs; epoch++) {
    const started = performance.now();
    const batches = epochBatches(run.train.length, {
      seed: run.seed,
      epoch,
      perEpoch: recipe.samplesPerEpoch,
      batchSize: recipe.batchSize,
    });
    const make = async (indexes: readonly number[]) =>
      trainBatch(
        indexes.map((index) => run.train[index] as Sample),
        jitteredBoxes(run.train, indexes, { seed: run.seed, epoch, jitter: recipe.jitter }),
        { embeddingOf: run.embeddingOf, targets },
      );
    let lossSum = 0;
    let rate = 0;
    let next = make(batches[0] as number[]);
    for (const following of [...batches.slice(1), null]) {
      signal.throwIfAborted();
      const batch = await next;
      // Made while the engine's own thread computes.
      if (following) next = make(following);
      // Its failure is met at the next turn, if there is one; it must not count as unhandled until then.
      next.catch(() => {});
      rate = learningRateAt(
        { learningRate: recipe.learningRate, warmupSteps: recipe.warmupSteps, totalSteps },
        step,
      );
      const { loss } = await engine.step(batch, rate);
      if (!Number.isFinite(loss)) throw new Error(`the loss became ${loss} at step ${step + 1}`);
      lossSum += loss;
      step++;
      await run.onSamples(step * recipe.batchSize);
    }
    await finishEpoch(epoch, { loss: lossSum / batches.length, rate }, started);
    if (best && epoch - best.epoch >= recipe.patience) break;
  }
  if (!best) throw new Error("no epoch was scored");
  return { weights: best.weights, bestEpoch: best.epoch, curve };
}
