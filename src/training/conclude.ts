import { encodeSafetensors } from "../checkpoint/safetensors.ts";
import { getProject, type Project } from "../db/queries/projects.ts";
import type { VersionRef } from "../inference/types.ts";
import { isPlain, plainFocus } from "../domain/focus.ts";
import { sha256 } from "../lib/hash.ts";
import { keys } from "../storage/keys.ts";
import type { Before } from "./before.ts";
import type { Chosen } from "./choose.ts";
import { scoreVersions } from "./evaluation/box-scores.ts";
import { evaluate, withAllKinds } from "./evaluation/evaluation.ts";
import { meanScores } from "./evaluation/score.ts";
import { measureLatency } from "./evaluation/latency.ts";
import { versionMetrics } from "./evaluation/version-metrics.ts";
import { decidePromotion } from "./gate.ts";
import type { TrainingResult } from "./loop.ts";
import { drawPictures } from "./pictures/draw-pictures.ts";
import type { PreparedData } from "./prepare.ts";
import { recipeAsUsed } from "./recipe.ts";
import { registerVersion } from "./register.ts";
import type { RunContext } from "./run-context.ts";
import type { Settled } from "./settle-focus.ts";
import { latencyEvent, versionServing } from "./version-serving.ts";

/** Scoring a sample with every kind of prompt, base and tuned, costs so many times what its box alone does. */
const kindsWeight = 10;
/** Measuring how long answers take costs so many times what a sample's box does. */
const latencyWeight = 80;

/** Scored boxes that the whole evaluation is worth, for the progress. */
export const evaluationUnits = (data: PreparedData): number =>
  data.heldOut.length + kindsWeight * withAllKinds(data).length + latencyWeight;

interface Ended {
  readonly before: Before;
  readonly chosen: Chosen;
  readonly result: TrainingResult;
  readonly settled: Settled;
  readonly engine: string;
}

/** Stores the weights, judges them on what was held out, and registers the version with all that is known of it. */
export async function evaluateAndRegister(
  run: RunContext,
  project: Project,
  data: PreparedData,
  { before, chosen, result, settled, engine }: Ended,
): Promise<{ number: number; promoted: boolean }> {
  const { services, row, scope } = run;
  const { db, store } = services;
  const images = run.imageOptions(project);
  const { focus, weights } = settled;
  const file = encodeSafetensors(weights, {
    format: "maskwright-decoder",
    project: project.id,
    base_model: project.baseModel,
    snapshot: data.frozen.hash,
    fine_tune: row.id,
  });
  const hash = sha256(file);
  const weightsKey = keys.weights(project.id, row.id, hash);
  await store.put(weightsKey, file);
  // It has no number yet; decoding goes by its weights.
  const version: VersionRef = { number: -1, weightsKey, weightsSha256: hash, focus };
  // What files that hold the decoder alone do: the whole image, nothing refined.
  const alone: VersionRef = { ...version, focus: plainFocus };
  const [tuned, bare] = await scoreVersions(services, data.heldOut, {
    ...images,
    versions: isPlain(focus) ? [version] : [version, alone],
    onDone: async (done) => run.progress("evaluate", done),
  });
  if (!tuned) throw new Error("the tuned version was not scored");
  const box = { base: before.base, tuned };
  const evaluation = await evaluate(services, data, {
    ...images,
    base: { number: 0 },
    tuned: version,
    box,
    onDone: async (done) => run.progress("evaluate", data.heldOut.length + kindsWeight * done),
  });
  const drawn = { projectId: project.id, fineTuneId: row.id, examples: evaluation.examples };
  const pictures = await drawPictures(services, data.heldOut, {
    ...images,
    ...drawn,
    tuned: version,
  });
  const latency = await measureLatency(services, data, { ...images, base: { number: 0 }, tuned: version });
  await run.job.append(latencyEvent(latency, chosen.serving));
  await run.progress("evaluate", evaluationUnits(data));
  // As it is now: whoever has set it since means this version.
  const { promotionPolicy: policy } = await getProject(db, scope);
  const live = before.active;
  const active = live && { number: live.number, ...meanScores(live.scores) };
  const gate = decidePromotion({ policy, prompts: evaluation.prompts, active });
  const metrics = versionMetrics(
    data,
    { ...box, parent: before.parent, decoderAlone: bare ?? tuned },
    {
      result,
      trials: chosen.trials,
      evaluation,
      gate,
    },
  );
  await run.progress("register", 0);
  return registerVersion(db, {
    scope: scope,
    lease: run.job.lease,
    decision: gate,
    judgedAgainst: project.activeVersion,
    version: {
      baseModel: project.baseModel,
      parentVersion: row.baseVersion,
      weightsKey,
      weightsSha256: hash,
      weightsBytes: file.byteLength,
      snapshotHash: data.frozen.hash,
      snapshotKey: data.frozen.key,
      focus,
      hyperparameters: { ...recipeAsUsed(chosen.recipe), serving: chosen.serving },
      seed: row.seed,
      engine,
      metrics: { ...metrics, latency, serving: versionServing(chosen, settled, data.train), pictures },
    },
  });
}
