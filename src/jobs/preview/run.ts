import { previewLeases } from "../../db/queries/leases.ts";
import type { fineTunePreviews } from "../../db/schema/index.ts";
import { getProject, type Project } from "../../db/queries/projects.ts";
import { noQuotas, requireTrainingTime } from "../../db/queries/usage.ts";
import type { LearningCurve, PreviewProgress, PreviewResult } from "../../domain/preview.ts";
import { embedMissing } from "../../training/data/embed-missing.ts";
import { giveUp } from "../give-up.ts";
import { Held } from "../held.ts";
import { runLeased } from "../run-leased.ts";
import type { EmbeddingOf } from "../../training/data/samples.ts";
import type { TrainerServices } from "../services.ts";
import { annotationsOf, sourceOf } from "../../training/data/snapshot.ts";
import { checkProject } from "../../training/preflight/check.ts";
import { estimateOf, type Rates } from "../../training/preflight/estimate.ts";
import { curveFoldsOf } from "../../training/data/folds.ts";
import {
  type CurvePlan,
  drawCurve,
  type Effort,
  imagesOfPlan,
  samplesOfPlan,
  usualEffort,
} from "../../training/preflight/learning-curve.ts";
import { countMissing } from "../../training/data/missing-embeddings.ts";
import type { ProjectData } from "../../training/preflight/project-data.ts";
import { selectStored } from "./stored-project.ts";
import { verdictOf } from "../../training/preflight/verdict.ts";

/** Milliseconds between two writes of the progress; every write also asks whether the job is still ours. */
const progressEveryMs = 400;

type HeldPreview = Held<typeof fineTunePreviews>;

/** One attempt at a preview; see runLeased for when it resolves and when it rejects. */
export async function runPreview(
  services: TrainerServices,
  previewId: string,
  signal: AbortSignal,
  effort: Effort = usualEffort,
): Promise<void> {
  const { db, quotas = noQuotas } = services;
  await runLeased(services, {
    leases: previewLeases,
    id: previewId,
    kind: "preview",
    name: "a preview",
    signal,
    hold: (lease): HeldPreview => new Held(db, previewLeases, lease),
    work: async (row, held, log) => {
      if (row.attempt === 1) await requireTrainingTime(db, row.workspaceId, quotas);
      const result = await new PreviewRun(services, row, { held, signal, effort }).run();
      await held.succeed({ result });
      log.info({ verdict: result.verdict.code }, "a preview succeeded");
    },
  });
}

/** Ends a preview that the queue gave up after its last attempt failed or died. */
export async function giveUpPreview(
  { db }: TrainerServices,
  previewId: string,
  attempts: number,
  error?: unknown,
): Promise<void> {
  await giveUp(db, previewLeases, { id: previewId, attempts }, error);
}

/** As a failure's message goes on after "while". */
const doingIn: Readonly<Record<PreviewProgress["phase"], string>> = {
  check: "checking the annotations",
  embed: "encoding images",
  train: "training",
};

/** Checks, then trains a little. It writes nothing but its row and embeddings, which whoever needs them next finds. */
class PreviewRun {
  readonly #services: TrainerServices;
  readonly #row: typeof fineTunePreviews.$inferSelect;
  readonly #held: HeldPreview;
  readonly #signal: AbortSignal;
  readonly #effort: Effort;
  #lastWrite = Number.NEGATIVE_INFINITY;
  #phase: PreviewProgress["phase"] | undefined;

  constructor(
    services: TrainerServices,
    row: typeof fineTunePreviews.$inferSelect,
    job: { held: HeldPreview; signal: AbortSignal; effort: Effort },
  ) {
    this.#services = services;
    this.#row = row;
    this.#held = job.held;
    this.#signal = job.signal;
    this.#effort = job.effort;
  }

  async run(): Promise<PreviewResult> {
    const { db, store } = this.#services;
    const scope = { workspaceId: this.#row.workspaceId, projectId: this.#row.projectId };
    const project = await getProject(db, scope);
    await this.#progress("check", 0, 1);
    const { family } = await this.#services.inference.baseModel(project.baseModel);
    const stored = { ...(await selectStored(db, project)), family };
    const { data, broken, ...told } = await checkProject(store, stored, {
      signal: this.#signal,
      onImage: async (done, images) => this.#progress("check", done, images),
    });
    const { images, annotations } = data.snapshot;
    const drawn = broken ? null : await this.#curve(project, data);
    return {
      images: images.length,
      annotations: annotations.length,
      groups: data.groups,
      ...told,
      estimate: broken ? null : await this.#estimate(project, data, drawn),
      curve: drawn?.curve ?? null,
      verdict: verdictOf(told.findings, drawn?.curve ?? null),
    };
  }

  /** Null where there are too few groups. The held-out images stay unseen. */
  async #curve(
    project: Project,
    { snapshot, split, groupOf }: ProjectData,
  ): Promise<{ curve: LearningCurve; rates: Rates } | null> {
    if (!split) return null;
    const { inference, store } = this.#services;
    const seed = this.#row.seed;
    const folds = curveFoldsOf([...split.train, ...split.selection], groupOf, seed);
    if (!folds) return null;
    const plan: CurvePlan = {
      snapshot,
      folds,
      groupOf,
      imagesNow: split.train.length,
      seed,
      effort: this.#effort,
    };
    const images = imagesOfPlan(plan);
    const options = this.#imageOptions(project);
    const began = performance.now();
    const made = await embedMissing(
      this.#services,
      images.map((image) => ({ id: image.id, sha256: image.sha256, objectKey: image.object_key })),
      {
        ...options,
        before: async ({ id }) => this.#held.note(`reading image ${id}`),
        onDone: async (done) => this.#progress("embed", done, images.length),
      },
    );
    const embedSeconds = made === 0 ? null : (performance.now() - began) / 1000 / made;
    const embeddingOf: EmbeddingOf = async (image) =>
      (await inference.embed(sourceOf(store, image), options)).embedding.data;
    const total = samplesOfPlan(plan);
    let done = 0;
    const base = await inference.baseModel(project.baseModel);
    const { curve, rates } = await drawCurve(this.#services, plan, {
      weights: await base.decoderWeights(),
      seed,
      embeddingOf,
      signal: this.#signal,
      onSamples: async (count) => this.#progress("train", Math.min(total, (done += count)), total),
    });
    return { curve, rates: { embedSeconds, ...rates } };
  }

  async #estimate(
    project: Project,
    { snapshot, split }: ProjectData,
    drawn: { curve: LearningCurve; rates: Rates } | null,
  ): Promise<PreviewResult["estimate"]> {
    if (!split) return null;
    const { store, inference } = this.#services;
    return estimateOf(
      {
        embeddingsMissing: await countMissing(
          { store, inference },
          snapshot.images,
          this.#imageOptions(project),
        ),
        heldOut: annotationsOf(snapshot, split.heldOut).length,
      },
      drawn?.rates ?? null,
    );
  }

  #imageOptions(project: Project): { workspaceId: string; baseModel: string; signal: AbortSignal } {
    return { workspaceId: project.workspaceId, baseModel: project.baseModel, signal: this.#signal };
  }

  async #progress(phase: PreviewProgress["phase"], done: number, total: number): Promise<void> {
    this.#signal.throwIfAborted();
    if (phase !== this.#phase) {
      this.#phase = phase;
      await this.#held.note(doingIn[phase]);
    }
    const now = performance.now();
    if (now - this.#lastWrite < progressEveryMs && done < total) return;
    this.#lastWrite = now;
    await this.#held.write({ progress: { phase, done, total } });
  }
}
