import type { NamedTensors } from "../../checkpoint/named-tensors.ts";
import { encodeSafetensors } from "../../checkpoint/safetensors.ts";
import type { Version } from "../../db/queries/versions.ts";
import type { Focus } from "../../domain/focus.ts";
import type { Refit } from "../../domain/version.ts";
import { getProject } from "../../db/queries/projects.ts";
import { sha256 } from "../../lib/hash.ts";
import { keys } from "../../storage/keys.ts";
import { addFinder } from "./add-finder.ts";
import type { Before } from "../../training/evaluation/before.ts";
import { type Chosen, refitSeconds } from "../../training/search/choose.ts";
import { evaluationUnits, judge } from "../../training/evaluation/judge.ts";
import { meanScores } from "../../training/evaluation/score.ts";
import { versionMetrics } from "../../training/evaluation/version-metrics.ts";
import { decidePromotion } from "../../training/evaluation/gate.ts";
import type { TrainingResult } from "../../training/loop/loop.ts";
import type { PreparedData } from "../../training/data/prepare.ts";
import { everythingOf } from "../../training/refit/everything.ts";
import { refit } from "../../training/refit/refit.ts";
import { refitHead } from "../../training/refit/refit-head.ts";
import { recipeAsUsed } from "../../training/loop/recipe.ts";
import { type Registration, registerVersion } from "./register.ts";
import { choiceOf } from "./settle-base.ts";
import type { RunContext } from "./context.ts";
import type { Settled } from "../../training/focus/settle-focus.ts";
import { latencyEvent, versionServing } from "../../training/evaluation/version-serving.ts";

interface Ended {
  /** Before it was thinned for a closer look, which a finder does not take. */
  readonly all: PreparedData;
  /** The version that answers now; null is the base. */
  readonly live: Version | null;
  readonly before: Before;
  readonly chosen: Chosen;
  readonly result: TrainingResult;
  readonly settled: Settled;
  readonly engine: string;
}

/** Stores the weights, judges them on what was held out, and registers the version with all that is known of it. */
export async function judgeAndRegister(
  run: RunContext,
  data: PreparedData,
  { all, live, before, chosen, result, settled, engine }: Ended,
): Promise<{ number: number; promoted: boolean }> {
  const { row, project, scope } = run;
  const { db } = run.services;
  const { focus } = settled;
  const choice = choiceOf(project, row);
  const weights = await storeWeights(run, data, settled.weights);
  // It has no number yet; decoding goes by its weights.
  const version = { number: -1, ...weights, focus };
  const owner = { projectId: project.id, fineTuneId: row.id };
  const judged = await judge(run, data, { version, base: before.base, owner });
  const { tuned, decoderAlone, evaluation, pictures, latency } = judged;
  await run.tell(latencyEvent(latency, chosen.serving));
  await run.progress("evaluate", evaluationUnits(data));
  const found = await addFinder(run, all, { version, recipe: chosen.recipe, live });
  const served = await serve(run, data, {
    all,
    chosen,
    result,
    settled,
    judged: { ...weights, focus },
  });
  // As it is now: whoever has set it since means this version.
  const { promotionPolicy: policy } = await getProject(db, scope);
  const rival = before.active;
  const active = rival && { number: rival.number, ...meanScores(rival.scores) };
  const gate = decidePromotion({ policy, prompts: evaluation.prompts, active });
  const metrics = versionMetrics(
    data,
    { base: before.base, tuned, parent: before.parent, decoderAlone },
    { result, trials: chosen.trials, evaluation, gate },
  );
  await run.progress("register", 0);
  return registerVersion(db, {
    scope,
    lease: run.job.lease,
    decision: gate,
    judgedAgainst: project.activeVersion,
    version: {
      baseModel: project.baseModel,
      parentVersion: row.baseVersion,
      ...served,
      snapshotHash: data.frozen.hash,
      snapshotKey: data.frozen.key,
      finder: found.finder,
      hyperparameters: { ...recipeAsUsed(chosen.recipe), serving: chosen.serving },
      seed: row.seed,
      engine,
      metrics: {
        ...metrics,
        latency,
        ...(choice && { baseChoice: choice }),
        serving: versionServing(chosen, settled, data.train),
        ...(found.metrics && { finder: found.metrics }),
        pictures,
      },
    },
  });
}

type Weights = Pick<Registration["version"], "weightsKey" | "weightsSha256" | "weightsBytes">;

/** What is served in the end: the training on all images where there is one, else what was judged. */
async function serve(
  run: RunContext,
  data: PreparedData,
  {
    all,
    chosen,
    result,
    settled,
    judged,
  }: Pick<Ended, "all" | "chosen" | "result" | "settled"> & { judged: Weights & { focus: Focus } },
): Promise<Weights & { focus: Focus; refit: Refit | null }> {
  const seconds = refitSeconds(data.asked, chosen.zoom);
  // Where nothing did better than the start, there is no recipe that won.
  if (seconds === 0 || settled.weights !== result.weights) return { ...judged, refit: null };
  const { zoom, recipe } = chosen;
  const everything = everythingOf(data, { thinned: zoom !== null });
  const { heldOut, train } = data;
  const trained = train.length;
  const made = await refit(run, { everything, heldOut, recipe, zoom, result, trained, seconds });
  if (!made) return { ...judged, refit: null };
  const { weights } = settled;
  const refine = await refitHead(run, { data, chosen, weights, refine: judged.focus.refine });
  const { focus, ...twin } = judged;
  return {
    ...(await storeWeights(run, data, made.weights)),
    focus: { zoom, refine },
    refit: {
      images: all.images,
      annotations: everything.train.length,
      samples: made.samples,
      twin: { ...twin, focus },
    },
  };
}

/** Writes the weights under their own hash, before anything refers to them. */
async function storeWeights(
  { services, row, project }: RunContext,
  data: PreparedData,
  weights: NamedTensors,
): Promise<Weights> {
  const file = encodeSafetensors(weights, {
    format: "maskwright-decoder",
    project: project.id,
    base_model: project.baseModel,
    snapshot: data.frozen.hash,
    fine_tune: row.id,
  });
  const hash = sha256(file);
  const weightsKey = keys.weights(project.id, row.id, hash);
  await services.store.put(weightsKey, file);
  return { weightsKey, weightsSha256: hash, weightsBytes: file.byteLength };
}
