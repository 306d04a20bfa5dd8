import type { NamedTensors } from "../checkpoint/named-tensors.ts";
import type { FineTuneRow } from "../db/queries/fine-tune-leases.ts";
import type { Zoom } from "../domain/focus.ts";
import { canonicalJson } from "../lib/hash.ts";
import { CheckpointKeeper } from "./checkpoint-keeper.ts";
import { engineSpecOf } from "./engine-options.ts";
import type { TrainingEngine } from "./engine/types.ts";
import { trainingParts } from "./focus/parts.ts";
import type { HeldFineTune } from "./lease.ts";
import { type EpochReport, type LoopState, train, type TrainingResult } from "./loop.ts";
import type { PreparedData } from "./prepare.ts";
import { type Recipe, recipeAsUsed } from "./recipe.ts";
import type { EmbeddingOf } from "./samples.ts";
import type { TrainerServices } from "./services.ts";

export interface DecoderTraining {
  readonly row: FineTuneRow;
  readonly signal: AbortSignal;
  readonly data: PreparedData;
  readonly recipe: Recipe;
  readonly zoom: Zoom | null;
  readonly embeddingOf: EmbeddingOf;
  /** What training starts from. */
  readonly weights: NamedTensors;
  onSamples(done: number): Promise<void>;
}

/** Trains in an engine of its own, from the start or from the last checkpoint, and tells of every epoch. */
export async function trainDecoder(
  services: TrainerServices,
  job: HeldFineTune,
  training: DecoderTraining,
): Promise<{ result: TrainingResult; engine: string }> {
  const { recipe, weights } = training;
  const engine = await services.createEngine(engineSpecOf(recipe, weights), { engine: services.engine });
  try {
    await job.setFacts({ engine: engine.name });
    await job.append({
      message: `Training at most ${recipe.epochs} epochs of ${recipe.samplesPerEpoch} samples: ${engine.name}, ${engine.device}`,
      data: { hyperparameters: recipeAsUsed(recipe), engine: engine.name, device: engine.device },
    });
    const result = await epochs(services, job, training, engine);
    if (result.stopped) {
      const after = result.curve.length - 1;
      await job.append({
        message: `Stopped as asked after epoch ${after}; the best is epoch ${result.bestEpoch}`,
        data: { stopped_after: after, best_epoch: result.bestEpoch },
      });
    }
    return { result, engine: engine.name };
  } finally {
    await engine.dispose();
  }
}

async function epochs(
  { store, log, checkpointEveryMs }: TrainerServices,
  job: HeldFineTune,
  training: DecoderTraining,
  engine: TrainingEngine,
): Promise<TrainingResult> {
  const { row, signal, data, recipe, zoom, embeddingOf, weights } = training;
  const origin = {
    snapshot: data.frozen.hash,
    recipe: { ...recipeAsUsed(recipe), zoom: canonicalJson(zoom) },
    seed: row.seed,
    base_version: row.baseVersion,
    engine: engine.name,
    device: engine.device,
  };
  const keeper = new CheckpointKeeper({ store, log, everyMs: checkpointEveryMs }, job, row, origin);
  const resume = await resumeFrom(keeper, job, { row, engine, weights });
  return train({
    engine,
    recipe,
    seed: row.seed,
    train: trainingParts(data.train, { zoom, flips: recipe.flips, nearby: data.nearby }),
    selection: data.selection,
    zoom,
    embeddingOf,
    resume,
    signal,
    stopRequested: () => job.stopRequested,
    onSamples: async (done) => training.onSamples(done),
    onEpoch: async (report) => job.append(asEvent(report)),
    onState: async (state) => keeper.offer(engine, state),
  });
}

/** Says where a later attempt goes on. Where there is no checkpoint, that has been said. */
async function resumeFrom(
  keeper: CheckpointKeeper,
  job: HeldFineTune,
  { row, engine, weights }: { row: FineTuneRow; engine: TrainingEngine; weights: NamedTensors },
): Promise<LoopState | undefined> {
  const { state, why } = await keeper.resume(engine, weights);
  if (!state && why === undefined) return undefined;
  const after = state ? state.curve.length - 1 : null;
  const where = state ? `goes on after epoch ${after}` : `from the beginning again, because ${why}`;
  await job.append({
    level: "warn",
    message: `Attempt ${row.attempt}: ${where}`,
    data: { resumed_after: after },
  });
  return state;
}

const asEvent = (report: EpochReport) => {
  const loss = report.trainLoss === null ? "" : `loss ${report.trainLoss.toFixed(4)}, `;
  return {
    type: "metrics" as const,
    message: `Epoch ${report.epoch}: ${loss}selection mean IoU ${report.selectionIou.toFixed(3)}`,
    data: {
      epoch: report.epoch,
      train_loss: report.trainLoss,
      ...(report.prompts && { prompts: report.prompts.all, real_prompts: report.prompts.real }),
      selection_iou: report.selectionIou,
      selection_iou_low: report.selectionInterval.low,
      selection_iou_high: report.selectionInterval.high,
      learning_rate: report.learningRate,
      epoch_seconds: Math.round(report.epochSeconds * 1000) / 1000,
    },
  };
};
