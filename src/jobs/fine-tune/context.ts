import { sourceOf } from "../../training/data/snapshot.ts";
import type { fineTunes } from "../../db/schema/index.ts";
import type { Project } from "../../db/queries/projects.ts";
import type { ProjectScope } from "../../db/queries/scope.ts";
import type { FineTuneProgress, NewEvent } from "../../domain/fine-tune.ts";
import type { HeldFineTune } from "./held.ts";
import { ProgressMeter } from "../../training/loop/progress.ts";
import type { ImageOptions, Run } from "../../training/run.ts";
import type { EmbeddingOf } from "../../training/data/samples.ts";
import type { TrainerServices } from "../services.ts";

/** Milliseconds between two writes of the progress; every write also asks whether the job is still ours. */
const progressEveryMs = 400;

/** As a failure's message goes on after "while". */
const doingIn: Readonly<Record<FineTuneProgress["phase"], string>> = {
  embed: "encoding images",
  search: "trying recipes",
  train: "training",
  evaluate: "judging the version",
  find: "teaching it to find",
  refit: "training on all images",
  register: "registering the version",
};

/** One attempt at a fine-tune, as the steps of training see it: what they tell is written under its lease. */
export class RunContext implements Run {
  readonly services: TrainerServices;
  readonly row: typeof fineTunes.$inferSelect;
  readonly project: Project;
  readonly job: HeldFineTune;
  readonly signal: AbortSignal;
  readonly images: ImageOptions;
  readonly meter = new ProgressMeter();
  #lastWrite = Number.NEGATIVE_INFINITY;
  #phase: FineTuneProgress["phase"] | undefined;

  constructor(
    services: TrainerServices,
    { row, project, job, signal }: Pick<RunContext, "row" | "project" | "job" | "signal">,
  ) {
    this.services = services;
    this.row = row;
    this.project = project;
    this.job = job;
    this.signal = signal;
    this.images = { workspaceId: project.workspaceId, baseModel: project.baseModel, signal };
  }

  get scope(): ProjectScope {
    return { workspaceId: this.row.workspaceId, projectId: this.row.projectId };
  }

  get seed(): number {
    return this.row.seed;
  }

  get stopRequested(): boolean {
    return this.job.stopRequested;
  }

  readonly embeddingOf: EmbeddingOf = async (image) => {
    const { inference, store } = this.services;
    const { region, flip } = image;
    return (await inference.embed(sourceOf(store, image), { ...this.images, region, flip })).embedding.data;
  };

  async tell(event: NewEvent): Promise<void> {
    await this.job.append(event);
  }

  async keep(facts: { engine?: string; chosen?: Record<string, unknown> }): Promise<void> {
    await this.job.write(facts);
  }

  async progress(phase: FineTuneProgress["phase"], done: number): Promise<void> {
    if (phase !== this.#phase) {
      this.#phase = phase;
      await this.job.note(doingIn[phase]);
    }
    const progress = this.meter.at(phase, done);
    const now = performance.now();
    if (now - this.#lastWrite < progressEveryMs && done < progress.total) return;
    this.#lastWrite = now;
    await this.job.setProgress(progress);
  }
}
