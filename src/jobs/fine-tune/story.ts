import { readWeightsFile } from "../../inference/decoder/version-weights.ts";
import { decodeSafetensors } from "../../checkpoint/safetensors.ts";
import type { NamedTensors } from "../../checkpoint/named-tensors.ts";
import type { fineTunes } from "../../db/schema/index.ts";
import { selectAnnotatedImages } from "../../db/queries/annotated-images.ts";
import { getProject } from "../../db/queries/projects.ts";
import { asJudged, getVersion } from "../../db/queries/versions.ts";
import type { VersionRef } from "../../inference/types.ts";
import { onSome, scoreBefore } from "../../training/evaluation/before.ts";
import {
  asChosen,
  choose,
  type Chosen,
  firstForecast,
  judgedWithin,
  thinned,
} from "../../training/search/choose.ts";
import { CheckpointKeeper } from "./resume-keeper.ts";
import { judgeAndRegister } from "./conclude.ts";
import { evaluationUnits } from "../../training/evaluation/judge.ts";
import { finderSteps, stepsInAll } from "../../training/finder/finder-steps.ts";
import { embedMissing } from "../../training/data/embed-missing.ts";
import { embedParts } from "../../training/data/embed-parts.ts";
import { meanScores } from "../../training/evaluation/score.ts";
import type { HeldFineTune } from "./held.ts";
import { type PreparedData, prepareData } from "../../training/data/prepare.ts";
import { type Recipe, samplesInAll } from "../../training/loop/recipe.ts";
import { RunContext } from "./context.ts";
import type { TrainerServices } from "../services.ts";
import { afterBaseChoice, choiceOf, settleBase } from "./settle-base.ts";
import { settleFocus } from "../../training/focus/settle-focus.ts";
import { measuredSpeed } from "../../training/loop/speed.ts";
import { evaluationCost } from "../../training/search/last-training.ts";
import { trainDecoder } from "../../training/loop/train-decoder.ts";

export type FineTuneRow = typeof fineTunes.$inferSelect;

/** What training starts from. */
interface Start {
  readonly version: VersionRef;
  readonly weights: NamedTensors;
}

/**
 * One attempt at one fine-tune, from the frozen data to the registered version.
 * Throws LeaseLost, the signal's reason, or an AppError that says what the job lacks.
 */
export async function fineTune(
  services: TrainerServices,
  row: FineTuneRow,
  job: HeldFineTune,
  signal: AbortSignal,
): Promise<{ number: number; promoted: boolean }> {
  const { db, store } = services;
  const scope = { workspaceId: row.workspaceId, projectId: row.projectId };
  await job.note("preparing the data");
  const annotated = async () => selectAnnotatedImages(db, scope);
  const made = await getProject(db, scope);
  const project = await settleBase(services, { row, project: made, job, annotated, signal });
  const run = new RunContext(services, { row, project, job, signal });
  const { family } = await services.inference.baseModel(project.baseModel);
  const { hyperparameters, seed, snapshotHash: frozen } = row;
  const asked = { hyperparameters, seed, frozen, annotated };
  const prepared = await prepareData(store, { ...project, family }, asked);
  const all = judgedWithin(afterBaseChoice(prepared, choiceOf(project, row)));
  await tellData(run, all);
  const start = await startOf(run);
  await forecast(run, all, start.weights);
  await embedImages(run, all);
  const live =
    project.activeVersion === null ? null : asJudged(await getVersion(db, scope, project.activeVersion));
  const beforeAll = await scoreBefore(run, all, { start: start.version, live });

  await job.move("train");
  const { weights } = start;
  const startIou = meanScores(beforeAll.start).meanIou;
  const chosen = row.chosen
    ? asChosen(row.chosen as unknown as Chosen)
    : await choose(run, all, { weights, iou: startIou });
  const data = thinned(all, chosen.zoom, row.seed);
  const before = onSome(beforeAll, all, data);
  await tellThinned(run, all, data);
  planMeter(run, data, chosen.recipe);
  const { zoom, recipe } = chosen;
  // In one go, so that the progress runs once; flipped copies, which only training sees, come on top where there are any.
  await embedParts(run, [...data.train, ...data.selection], { zoom, flips: [] });
  if (recipe.flips.length > 0) await embedParts(run, data.train, { zoom, flips: recipe.flips });
  const { result, engine } = await trainDecoder(run, {
    data,
    recipe,
    zoom,
    weights,
    baseVersion: row.baseVersion,
    attempt: row.attempt,
    checkpointsOf: (origin) => new CheckpointKeeper(services, job, row, origin),
  });
  const from = { weights, iou: meanScores(before.start).meanIou };
  const settled = await settleFocus(run, { data, chosen, result }, from);

  await job.move("judge");
  return judgeAndRegister(run, data, { all, live, before, chosen, result, settled, engine });
}

async function tellData({ job }: RunContext, data: PreparedData): Promise<void> {
  await job.write({ snapshotHash: data.frozen.hash });
  const { train, selection, heldOut } = data.counts;
  const inAll = data.whole.heldOut.length;
  const apart = data.images - train - selection - heldOut;
  await job.append({
    message:
      `${data.images} annotated images, ${data.frozen.snapshot.annotations.length} annotations: ` +
      `${data.train.length} train, ${data.selection.length} choose the epoch, ` +
      (data.heldOut.length < inAll
        ? `${inAll} are held out, of which ${data.heldOut.length} judge: a larger budget_seconds scores more`
        : `${inAll} are held out`) +
      (apart > 0
        ? `; ${apart} images that versions have labelled stand with some that judge, and are in no set`
        : "") +
      (data.nearDuplicates > 0 ? `; ${data.nearDuplicates} look like others and stand with them` : ""),
    data: {
      snapshot: data.frozen.hash,
      split: { train: data.counts.train, selection: data.counts.selection, held_out: data.counts.heldOut },
      judged_by: data.heldOut.length,
    },
  });
}

/** Where a closer look sees but some of the data. */
async function tellThinned(
  { job }: RunContext,
  all: PreparedData,
  { learnt, selection, heldOut }: PreparedData & { learnt: number },
): Promise<void> {
  const parts = [
    { did: "trains on", some: learnt, of: all.train.length },
    { did: "chooses by", some: selection.length, of: all.selection.length },
    { did: "is judged by", some: heldOut.length, of: all.heldOut.length },
  ].filter(({ some, of }) => some < of);
  if (parts.length === 0) return;
  await job.append({
    level: "warn",
    message:
      `A closer look ${parts.map(({ did, some, of }) => `${did} ${some} of ${of} annotations`).join(", ")}: ` +
      "all take longer to encode than budget_seconds leave; a larger budget sees more",
    data: {
      trained_on: learnt,
      train: all.train.length,
      chosen_by: selection.length,
      judged_by: heldOut.length,
      held_out: all.heldOut.length,
    },
  });
}

/** The base, or the version that was asked for. */
async function startOf({ services, row, project, scope }: RunContext): Promise<Start> {
  const number = row.baseVersion;
  if (number === null) {
    const base = await services.inference.baseModel(project.baseModel);
    return { version: { number: 0 }, weights: await base.decoderWeights() };
  }
  const version = asJudged(await getVersion(services.db, scope, number, "base_version"));
  const file = await readWeightsFile(services.store, version);
  return { version, weights: decodeSafetensors(file).tensors };
}

/** An estimate above it tells how to have it shorter. */
const longSeconds = 1800;

/** Tells how long all of it will take on this machine, as a short measurement says. */
async function forecast(run: RunContext, data: PreparedData, weights: NamedTensors): Promise<void> {
  const { meter, services } = run;
  planMeter(run, data);
  meter.plan(firstForecast(data, evaluationCost(data, null, [])));
  await run.job.note("measuring the machine");
  const { trainMs, slowness } = await measuredSpeed(services, weights);
  meter.pace(slowness);
  const seconds = Math.ceil(meter.plannedSeconds);
  await run.tell({
    message:
      `About ${seconds < 90 ? `${seconds} seconds` : `${Math.round(seconds / 60)} minutes`} on this machine, ` +
      `which takes ${trainMs.toFixed(0)} ms for a training sample` +
      (seconds > longSeconds ? "; a smaller budget_seconds takes less" : ""),
    data: { estimated_seconds: seconds, train_sample_ms: Math.round(trainMs) },
  });
}

/** What is known of the work to come, for the estimate of its end. */
function planMeter({ meter }: RunContext, data: PreparedData, recipe?: Recipe): void {
  meter.plan({
    embed: data.images,
    search: 0,
    ...(recipe && { train: samplesInAll(recipe) }),
    find: stepsInAll(finderSteps(data.asked, recipe)),
    evaluate: evaluationUnits(data),
  });
}

async function embedImages(run: RunContext, data: PreparedData): Promise<void> {
  const images = data.frozen.snapshot.images;
  const made = await embedMissing(
    run.services,
    images.map((image) => ({ id: image.id, sha256: image.sha256, objectKey: image.object_key })),
    {
      ...run.images,
      before: async ({ id }) => run.job.note(`reading image ${id}`),
      onDone: async (done) => run.progress("embed", done),
    },
  );
  await run.job.append({
    message: `Embedded ${made} images; ${images.length - made} had their embedding`,
    data: { embedded: made, cached: images.length - made },
  });
}
