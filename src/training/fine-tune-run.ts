import type { NamedTensors } from "../checkpoint/named-tensors.ts";
import { decodeSafetensors, encodeSafetensors } from "../checkpoint/safetensors.ts";
import type { FineTuneRow } from "../db/queries/fine-tune-leases.ts";
import { getProject, type Project } from "../db/queries/projects.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
import { getVersion } from "../db/queries/versions.ts";
import type { FineTuneProgress } from "../db/schema/index.ts";
import type { VersionRef } from "../inference/types.ts";
import { sha256 } from "../lib/hash.ts";
import { keys } from "../storage/keys.ts";
import { embedMissing } from "./embed-missing.ts";
import { scoreVersions } from "./evaluation/box-scores.ts";
import { evaluate, withAllKinds } from "./evaluation/evaluation.ts";
import { meanScores, type Score } from "./evaluation/score.ts";
import { versionMetrics } from "./evaluation/version-metrics.ts";
import { decidePromotion } from "./gate.ts";
import type { HeldFineTune } from "./lease.ts";
import type { TrainingResult } from "./loop.ts";
import { drawPictures } from "./pictures/draw-pictures.ts";
import { type PreparedData, prepareData } from "./prepare.ts";
import { ProgressMeter } from "./progress.ts";
import { type Recipe, recipeAsUsed, resolveRecipe, stepsPerEpoch } from "./recipe.ts";
import { registerVersion } from "./register.ts";
import type { TrainerServices } from "./services.ts";
import { trainDecoder } from "./train-decoder.ts";

/** Milliseconds between two writes of the progress; every write also asks whether the job is still ours. */
const progressEveryMs = 400;
/** Scoring a sample with every kind of prompt, base and tuned, costs so many times what its box alone does. */
const kindsWeight = 10;

/** One attempt at one fine-tune, from the frozen data to the registered version. */
export class FineTuneRun {
  readonly #services: TrainerServices;
  readonly #row: FineTuneRow;
  readonly #job: HeldFineTune;
  readonly #signal: AbortSignal;
  readonly #scope: ProjectScope;
  readonly #meter = new ProgressMeter();
  #lastWrite = Number.NEGATIVE_INFINITY;

  constructor(services: TrainerServices, row: FineTuneRow, job: HeldFineTune, signal: AbortSignal) {
    this.#services = services;
    this.#row = row;
    this.#job = job;
    this.#signal = signal;
    this.#scope = { workspaceId: row.workspaceId, projectId: row.projectId };
  }

  /** Throws LeaseLost, the signal's reason, or an AppError that says what the job lacks. */
  async run(): Promise<{ number: number; promoted: boolean }> {
    const { db, store } = this.#services;
    const project = await getProject(db, this.#scope);
    const data = await prepareData({ db, store }, project, this.#row);
    await this.#job.setFacts({ snapshotHash: data.frozen.hash });
    await this.#job.append({
      message:
        `${data.images} annotated images, ${data.frozen.snapshot.annotations.length} annotations: ` +
        `${data.train.length} train, ${data.selection.length} choose the epoch, ${data.heldOut.length} are held out` +
        (data.nearDuplicates > 0 ? `; ${data.nearDuplicates} look like others and stand with them` : ""),
      data: {
        snapshot: data.frozen.hash,
        split: { train: data.counts.train, selection: data.counts.selection, held_out: data.counts.heldOut },
      },
    });
    const start = await this.#start(project);
    this.#plan(data, resolveRecipe(data.asked, { trainSamples: data.train.length, startIou: 0 }));
    await this.#embed(project, data);
    const before = await this.#scoreBefore(project, data, start.version);
    const recipe = resolveRecipe(data.asked, {
      trainSamples: data.train.length,
      startIou: before.startIou,
    });

    await this.#job.setStatus("running");
    const { result, engine } = await trainDecoder(this.#services, this.#job, {
      row: this.#row,
      images: this.#imageOptions(project),
      data,
      recipe,
      weights: start.weights,
      onSamples: async (done) => this.#progress("train", done),
    });

    await this.#job.setStatus("evaluating");
    return this.#evaluateAndRegister(project, data, { before, recipe, result, engine });
  }

  /** What training starts from: the base, or the version that was asked for. */
  async #start(project: Project): Promise<{ version: VersionRef; weights: NamedTensors }> {
    const number = this.#row.baseVersion;
    if (number === null) {
      const base = await this.#services.inference.baseModel(project.baseModel);
      return { version: { number: 0 }, weights: await base.decoderWeights() };
    }
    const version = await getVersion(this.#services.db, this.#scope, number, "base_version");
    const file = await this.#services.store.get(version.weightsKey);
    return { version, weights: decodeSafetensors(file).tensors };
  }

  #plan(data: PreparedData, recipe: Recipe): void {
    const steps = recipe.epochs * stepsPerEpoch(recipe.samplesPerEpoch, recipe.batchSize);
    this.#meter.plan({
      embed: data.images,
      train: steps * recipe.batchSize,
      evaluate: data.heldOut.length + kindsWeight * withAllKinds(data).length,
    });
  }

  async #embed(project: Project, data: PreparedData): Promise<void> {
    const images = data.frozen.snapshot.images;
    const made = await embedMissing(
      this.#services,
      images.map((image) => ({ sha256: image.sha256, objectKey: image.object_key })),
      { ...this.#imageOptions(project), onDone: async (done) => this.#progress("embed", done) },
    );
    await this.#job.append({
      message: `Embedded ${made} images; ${images.length - made} had their embedding`,
      data: { embedded: made, cached: images.length - made },
    });
  }

  /** Before anything is trained: the start on what chooses; base, start and live version on what is held out. */
  async #scoreBefore(project: Project, data: PreparedData, start: VersionRef): Promise<Before> {
    const versions: VersionRef[] = [{ number: 0 }];
    const { activeVersion } = project;
    if (start.number !== 0) versions.push(start);
    if (activeVersion !== null && activeVersion !== start.number)
      versions.push(await getVersion(this.#services.db, this.#scope, activeVersion));
    const options = this.#imageOptions(project);
    const scored = await scoreVersions(this.#services, data.heldOut, { ...options, versions });
    const scoresOf = (number: number): readonly Score[] | undefined =>
      scored[versions.findIndex((version) => version.number === number)];
    const base = scoresOf(0);
    const live = activeVersion === null ? undefined : scoresOf(activeVersion);
    const parent = start.number === 0 ? undefined : scoresOf(start.number);
    const [chosen] = await scoreVersions(this.#services, data.selection, { ...options, versions: [start] });
    if (!base || !chosen) throw new Error("the start was not scored");
    const { meanIou, meanDice } = meanScores(base);
    await this.#job.append({
      type: "metrics",
      message: `Untuned: mean IoU ${meanIou.toFixed(3)} on ${data.heldOut.length} held-out annotations`,
      data: {
        base_mean_iou: meanIou,
        base_mean_dice: meanDice,
        ...(parent && { parent_mean_iou: meanScores(parent).meanIou }),
      },
    });
    return {
      base,
      parent,
      active: live && { number: activeVersion as number, ...meanScores(live) },
      startIou: meanScores(chosen).meanIou,
    };
  }

  async #evaluateAndRegister(
    project: Project,
    data: PreparedData,
    {
      before,
      recipe,
      result,
      engine,
    }: { before: Before; recipe: Recipe; result: TrainingResult; engine: string },
  ): Promise<{ number: number; promoted: boolean }> {
    const { db, store } = this.#services;
    const file = encodeSafetensors(result.weights, {
      format: "maskwright-decoder",
      project: project.id,
      base_model: project.baseModel,
      snapshot: data.frozen.hash,
      fine_tune: this.#row.id,
    });
    const hash = sha256(file);
    const weightsKey = keys.weights(project.id, this.#row.id, hash);
    await store.put(weightsKey, file);
    // It has no number yet; decoding goes by its weights.
    const version: VersionRef = { number: -1, weightsKey, weightsSha256: hash };
    const [tuned] = await scoreVersions(this.#services, data.heldOut, {
      ...this.#imageOptions(project),
      versions: [version],
      onDone: async (done) => this.#progress("evaluate", done),
    });
    if (!tuned) throw new Error("the tuned version was not scored");
    const box = { base: before.base, tuned };
    const evaluation = await evaluate(this.#services, data, {
      ...this.#imageOptions(project),
      base: { number: 0 },
      tuned: version,
      box,
      onDone: async (done) => this.#progress("evaluate", data.heldOut.length + kindsWeight * done),
    });
    const drawn = { projectId: project.id, fineTuneId: this.#row.id, examples: evaluation.examples };
    const pictures = await drawPictures(this.#services, data.heldOut, {
      ...this.#imageOptions(project),
      ...drawn,
      tuned: version,
    });
    // As it is now: whoever has set it since means this version.
    const { promotionPolicy: policy } = await getProject(db, this.#scope);
    const gate = decidePromotion({ policy, prompts: evaluation.prompts, active: before.active });
    const metrics = versionMetrics(data, { ...box, parent: before.parent }, { result, evaluation, gate });
    await this.#progress("register", 0);
    return registerVersion(db, {
      scope: this.#scope,
      lease: this.#job.lease,
      decision: gate,
      judgedAgainst: project.activeVersion,
      version: {
        baseModel: project.baseModel,
        parentVersion: this.#row.baseVersion,
        weightsKey,
        weightsSha256: hash,
        weightsBytes: file.byteLength,
        snapshotHash: data.frozen.hash,
        snapshotKey: data.frozen.key,
        hyperparameters: recipeAsUsed(recipe),
        seed: this.#row.seed,
        engine,
        metrics: { ...metrics, pictures },
      },
    });
  }

  #imageOptions(project: Project): { workspaceId: string; baseModel: string; signal: AbortSignal } {
    return {
      workspaceId: project.workspaceId,
      baseModel: project.baseModel,
      signal: this.#signal,
    };
  }

  async #progress(phase: FineTuneProgress["phase"], done: number): Promise<void> {
    const progress = this.#meter.at(phase, done);
    const now = performance.now();
    if (now - this.#lastWrite < progressEveryMs && done < progress.total) return;
    this.#lastWrite = now;
    await this.#job.setProgress(progress);
  }
}

interface Before {
  readonly base: readonly Score[];
  /** Of the version that training starts from; none where that is the base. */
  readonly parent: readonly Score[] | undefined;
  readonly active: { number: number; meanIou: number } | undefined;
  /** Mean IoU of what training starts from, on the selection samples. */
  readonly startIou: number;
}
