import type { FineTuneRow } from "../db/queries/fine-tune-leases.ts";
import type { Project } from "../db/queries/projects.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
import type { FineTuneProgress } from "../domain/fine-tune.ts";
import type { HeldFineTune } from "./lease.ts";
import { ProgressMeter } from "./progress.ts";
import type { EmbeddingOf } from "./samples.ts";
import type { TrainerServices } from "./services.ts";

/** Milliseconds between two writes of the progress; every write also asks whether the job is still ours. */
const progressEveryMs = 400;

/** As a failure's message goes on after "while". */
const doingIn: Readonly<Record<FineTuneProgress["phase"], string>> = {
  embed: "encoding images",
  search: "trying recipes",
  train: "training",
  evaluate: "judging the version",
  register: "registering the version",
};

/** Whose images they are, and the signal that ends the work. */
export interface ImageOptions {
  readonly workspaceId: string;
  readonly baseModel: string;
  readonly signal: AbortSignal;
}

/** What all steps of one attempt at one fine-tune share. */
export class RunContext {
  readonly services: TrainerServices;
  readonly row: FineTuneRow;
  readonly job: HeldFineTune;
  readonly signal: AbortSignal;
  readonly scope: ProjectScope;
  readonly meter = new ProgressMeter();
  #lastWrite = Number.NEGATIVE_INFINITY;
  #phase: FineTuneProgress["phase"] | undefined;

  constructor(services: TrainerServices, row: FineTuneRow, job: HeldFineTune, signal: AbortSignal) {
    this.services = services;
    this.row = row;
    this.job = job;
    this.signal = signal;
    this.scope = { workspaceId: row.workspaceId, projectId: row.projectId };
  }

  imageOptions({ workspaceId, baseModel }: Project): ImageOptions {
    return { workspaceId, baseModel, signal: this.signal };
  }

  /** Embeddings of images and of regions of them, encoded where they are nowhere. */
  embeddingsOf(project: Project): EmbeddingOf {
    const { inference, store } = this.services;
    const options = this.imageOptions(project);
    return async ({ sha256, object_key: key, region, flip }) => {
      const source = { sha256, bytes: async () => store.get(key) };
      return (await inference.embed(source, { ...options, region, flip })).embedding.data;
    };
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
