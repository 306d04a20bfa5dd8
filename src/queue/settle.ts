import type { JobWithMetadata, PgBoss } from "pg-boss";
import { messageOf } from "../lib/errors.ts";
import type { JobData, JobName } from "./jobs.ts";

/** A job as pg-boss gives it. */
export type Job = JobWithMetadata<JobData>;

/** How attempts end that are not the last, told to pg-boss in a way that keeps failures apart from the rest. */
export class Settling {
  readonly #boss: PgBoss;

  constructor(boss: PgBoss) {
    this.#boss = boss;
  }

  /** No failure. pg-boss sets a failed job back; it is then made due, and what it was is remembered. */
  async handBack(
    name: JobName,
    job: Job,
    { message = "handed back at a shutdown", seconds = 0 } = {},
  ): Promise<void> {
    await this.#boss.fail(name, { id: job.id, retryCount: job.retryCount }, { message });
    const data: JobData = { ...job.data, handedBack: job.data.handedBack + 1 };
    await this.#boss.update(name, data, { id: job.id, startAfter: seconds });
  }

  /** Whoever has lost a job, and finds out, was only cut off: that attempt did not end with its process. */
  async lost(name: JobName, job: Job): Promise<void> {
    const data: JobData = { ...job.data, handedBack: job.data.handedBack + 1 };
    await this.#boss.update(name, data, { id: job.id });
  }

  /** A failure, which its process lived to tell. */
  async fail(name: JobName, job: Job, error: unknown): Promise<void> {
    const message = messageOf(error);
    await this.#boss.fail(name, { id: job.id, retryCount: job.retryCount }, { message });
    await this.#boss.update(name, { ...job.data, failed: (job.data.failed ?? 0) + 1 }, { id: job.id });
  }
}
