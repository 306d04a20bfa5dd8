import type { NamedTensors } from "../../checkpoint/named-tensors.ts";
import type { Zoom } from "../../domain/focus.ts";
import { engineSpecOf } from "../engine/engine-options.ts";
import type { TrainingEngine } from "../engine/types.ts";
import { meanIouOf } from "../evaluation/scores.ts";
import { regionNames, trainingParts } from "../focus/parts.ts";
import { embedParts } from "../data/embed-parts.ts";
import { type Sample, someOf } from "../data/samples.ts";
import type { TrainingResult } from "../loop/loop.ts";
import type { Recipe } from "../loop/recipe.ts";
import { LossNotFinite, takeSomeSteps } from "../loop/steps.ts";
import { BatchMaker } from "../prompts/batch-maker.ts";
import type { Run } from "../run.ts";
import { costs } from "../search/costs.ts";
import type { Everything } from "./everything.ts";

/** What has been trained already is moved with more care. */
const ratePart = 0.5;
/** Samples that tell whether what was held out until now has been learnt. */
const mostLooked = 60;

export interface RefitRun {
  readonly everything: Everything;
  /** What was held out until now. */
  readonly heldOut: readonly Sample[];
  readonly recipe: Recipe;
  readonly zoom: Zoom | null;
  readonly result: TrainingResult;
  /** Samples that the training before looked at in an epoch's share of its own data. */
  readonly trained: number;
  readonly seconds: number;
}

/** What all images made of the weights. */
export interface Refitted {
  readonly weights: NamedTensors;
  readonly samples: number;
}

/**
 * Trains the winner's weights on everything that is annotated, by its own recipe at a lower rate, as long as its best epoch
 * took and the budget's seconds last. Null where nothing was won before, where somebody asked to stop, or where masks that were
 * held out until now came out worse than before: such a training has failed, and the twin is served. The same data, seed and
 * budget give the same.
 */
export async function refit(run: Run, options: RefitRun): Promise<Refitted | null> {
  const { everything, heldOut, recipe, zoom, result } = options;
  if (result.bestEpoch === 0 || run.stopRequested) return null;
  const wanted = samplesToTake(options);
  run.meter.plan({ refit: wanted });
  await run.progress("refit", 0);
  await embedParts(run, everything.train, { zoom, flips: recipe.flips }, async () => {});
  const looked = someOf(heldOut, mostLooked, run.seed);
  const { embeddingOf, signal } = run;
  const scoring = { embeddingOf, signal, batchSize: recipe.batchSize, zoom };
  const score = (engine: TrainingEngine): Promise<number> => meanIouOf(engine, looked, scoring);
  const { before, samples, after, weights } = await withEngine(
    run,
    recipe,
    result.weights,
    async (engine) => ({
      before: await score(engine),
      samples: await takeThem(run, options, { engine, wanted }),
      after: await score(engine),
      weights: await engine.weights(),
    }),
  );
  const learnt = samples !== null && after >= before;
  await run.tell({
    level: learnt ? "info" : "warn",
    message: learnt
      ? `Trained once more on everything that is annotated, ${everything.train.length} annotations: what was held out until now comes to mean IoU ${after.toFixed(3)}, ${before.toFixed(3)} before it was seen`
      : `Training on all images made masks worse (mean IoU ${before.toFixed(3)} became ${after.toFixed(3)} on what was held out until now); what was judged is served`,
    data: { samples: samples ?? 0, seen_mean_iou: after, unseen_mean_iou: before },
  });
  return learnt ? { weights, samples } : null;
}

/** As many as took the best epoch, for as much more as there is to see, within the budget; one batch at least. */
function samplesToTake({ everything, recipe, zoom, result, trained: before, seconds }: RefitRun): number {
  const names = new Set(everything.train.flatMap((sample) => regionNames(sample, zoom)));
  const more = everything.train.length / Math.max(1, before);
  const encoding = recipe.flips.length * names.size * Math.max(0, 1 - 1 / more) * costs.encode;
  const perSample = recipe.prompts === "mixed" ? costs.trainMixed : costs.train;
  const affordable = Math.floor((seconds - encoding) / perSample);
  const wanted = Math.round(result.bestEpoch * recipe.samplesPerEpoch * more);
  return Math.max(recipe.batchSize, Math.min(affordable, wanted));
}

/** Samples taken; null where the loss stopped being a number. */
async function takeThem(
  run: Run,
  { everything, recipe, zoom }: RefitRun,
  { engine, wanted }: { engine: TrainingEngine; wanted: number },
): Promise<number | null> {
  const { embeddingOf, seed, signal } = run;
  const { batchSize, learningRate, flips, schedule: shape } = recipe;
  const samples = trainingParts(everything.train, { zoom, flips, nearby: everything.nearby });
  const steps = Math.ceil(wanted / batchSize);
  const schedule = {
    learningRate: learningRate * ratePart,
    warmupSteps: Math.floor(steps / 10),
    totalSteps: steps,
    shape,
  };
  const maker = new BatchMaker({ samples, recipe, seed, embeddingOf, engine });
  let done = 0;
  const onStep = async (): Promise<void> => {
    done += batchSize;
    await run.progress("refit", done);
  };
  try {
    const stepping = { engine, maker, schedule, signal, onStep };
    await takeSomeSteps(stepping, { samples: samples.length, steps, seed, batchSize });
    return done;
  } catch (error) {
    if (error instanceof LossNotFinite) return null;
    throw error;
  }
}

async function withEngine<T>(
  { services }: Run,
  recipe: Recipe,
  weights: NamedTensors,
  use: (engine: TrainingEngine) => Promise<T>,
): Promise<T> {
  const engine = await services.createEngine(engineSpecOf(recipe, weights), { engine: services.engine });
  try {
    return await use(engine);
  } finally {
    await engine.dispose();
  }
}
