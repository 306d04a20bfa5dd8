import type { NamedTensors } from "../../checkpoint/named-tensors.ts";
import type { Zoom } from "../../domain/focus.ts";
import { canonicalJson } from "../../lib/hash.ts";
import type { Checkpoints, Origin } from "./resume-state.ts";
import { engineSpecOf } from "../engine/engine-options.ts";
import type { TrainingEngine } from "../engine/types.ts";
import { trainingParts } from "../focus/parts.ts";
import { type EpochReport, type LoopState, train, type TrainingResult } from "./loop.ts";
import type { PreparedData } from "../data/prepare.ts";
import { type Recipe, recipeAsUsed } from "./recipe.ts";
import type { Run } from "../run.ts";

export interface DecoderTraining {
  readonly data: PreparedData;
  readonly recipe: Recipe;
  readonly zoom: Zoom | null;
  /** What training starts from. */
  readonly weights: NamedTensors;
  /** The version that these are of; null is the base. */
  readonly baseVersion: number | null;
  /** 1 for the first. */
  readonly attempt: number;
  /** Where the attempt before went to, and this one goes, for a training of this origin. */
  checkpointsOf(origin: Origin): Checkpoints;
}

/** Trains in an engine of its own, from the start or from the last checkpoint, and tells of every epoch. */
export async function trainDecoder(
  run: Run,
  training: DecoderTraining,
): Promise<{ result: TrainingResult; engine: string }> {
  const { recipe, weights } = training;
  const { services } = run;
  const engine = await services.createEngine(engineSpecOf(recipe, weights), { engine: services.engine });
  try {
    await run.keep({ engine: engine.name });
    await run.tell({
      message: `Training at most ${recipe.epochs} epochs of ${recipe.samplesPerEpoch} samples: ${engine.name}, ${engine.device}`,
      data: { hyperparameters: recipeAsUsed(recipe), engine: engine.name, device: engine.device },
    });
    const result = await epochs(run, training, engine);
    if (result.stopped) {
      const after = result.curve.length - 1;
      await run.tell({
        message: `Stopped as asked after epoch ${after}; the best is epoch ${result.bestEpoch}`,
        data: { stopped_after: after, best_epoch: result.bestEpoch },
      });
    }
    return { result, engine: engine.name };
  } finally {
    await engine.dispose();
  }
}

async function epochs(run: Run, training: DecoderTraining, engine: TrainingEngine): Promise<TrainingResult> {
  const { data, recipe, zoom, weights } = training;
  const { seed, signal, embeddingOf } = run;
  const checkpoints = training.checkpointsOf({
    snapshot: data.frozen.hash,
    recipe: { ...recipeAsUsed(recipe), zoom: canonicalJson(zoom) },
    seed,
    base_version: training.baseVersion,
    engine: engine.name,
    device: engine.device,
  });
  const resume = await resumeFrom(run, checkpoints, { engine, weights, attempt: training.attempt });
  return train({
    engine,
    recipe,
    seed,
    train: trainingParts(data.train, { zoom, flips: recipe.flips, nearby: data.nearby }),
    selection: data.selection,
    zoom,
    embeddingOf,
    resume,
    signal,
    stopRequested: () => run.stopRequested,
    onSamples: async (done) => run.progress("train", done),
    onEpoch: async (report) => run.tell(asEvent(report)),
    onState: async (state) => checkpoints.offer(engine, state),
  });
}

/** Says where a later attempt goes on. Where there is no checkpoint, that has been said. */
async function resumeFrom(
  run: Run,
  checkpoints: Checkpoints,
  { engine, weights, attempt }: { engine: TrainingEngine; weights: NamedTensors; attempt: number },
): Promise<LoopState | undefined> {
  const { state, why } = await checkpoints.resume(engine, weights);
  if (!state && why === undefined) return undefined;
  const after = state ? state.curve.length - 1 : null;
  const where = state ? `goes on after epoch ${after}` : `from the beginning again, because ${why}`;
  await run.tell({
    level: "warn",
    message: `Attempt ${attempt}: ${where}`,
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
