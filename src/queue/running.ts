import { setTimeout as pause } from "node:timers/promises";
import { isDatabaseAway } from "../db/away.ts";
import type { Database } from "../db/client.ts";
import { wantedAutoLabels, wantedFineTunes, wantedImports, wantedPreviews } from "../db/queries/waiting.ts";
import type { Log } from "../lib/log.ts";
import { Alone } from "./alone.ts";
import {
  deathLimits,
  type Handler,
  JobAborted,
  type JobName,
  ProcessDied,
  retryLimits,
  type WorkOptions,
} from "./jobs.ts";
import type { Job, Settling } from "./settle.ts";

/** Until a job asks again that has to run alone, or that another one keeps out which does. */
const putOffSeconds = 5;
/** Between two tries to tell how an attempt ended, while the database is away. */
const tellAgainMs = 500;

interface Running {
  readonly name: JobName;
  readonly job: Job;
  readonly control: AbortController;
  readonly settled: Promise<void>;
}

/** The jobs that this process has in hand. */
export class RunningJobs {
  readonly #given: { readonly db: Database; readonly settling: Settling; readonly log: Log };
  readonly #running = new Map<string, Running>();
  readonly #alone = new Alone();
  #stopping = false;

  constructor(given: { db: Database; settling: Settling; log: Log }) {
    this.#given = given;
  }

  /** One attempt at a job, to its end: given up, put off, or handled and settled. */
  async run(name: JobName, handler: Handler, work: WorkOptions, job: Job): Promise<void> {
    const { settling } = this.#given;
    if (this.#stopping) return settling.handBack(name, job);
    // pg-boss has counted this attempt, and committed that, as it was taken.
    const failures = job.retryCount - job.data.handedBack;
    const deaths = failures - (job.data.failed ?? 0);
    // Nobody was there to say so.
    if (deaths >= deathLimits[name])
      return this.#giveUp(name, work, job, { attempts: failures, error: new ProcessDied(deaths) });
    if (failures > retryLimits[name]) {
      const error = new Error(`${failures} attempts failed`);
      return this.#giveUp(name, work, job, { attempts: failures, error });
    }
    // A webhook's message ends no process, and no process waits for its receiver.
    const leave =
      name === "webhook"
        ? () => {}
        : this.#alone.enter(job.id, { suspect: deaths > 0, canWait: name === "embed" });
    if (leave === null) return settling.handBack(name, job, { message: "put off", seconds: putOffSeconds });
    try {
      await this.#attempt(name, handler, work, job, failures);
    } finally {
      leave();
    }
  }

  /** Aborts what was cancelled, or deleted with its project. */
  lookForUnwanted(): void {
    if (this.#running.size === 0 || this.#stopping) return;
    this.#abortUnwanted().catch((error: unknown) =>
      this.#given.log.warn({ error }, "can't look for cancelled jobs"),
    );
  }

  /** From now on what comes is handed back. */
  refuse(): void {
    this.#stopping = true;
  }

  /** Aborts what runs and waits for it; what has not ended after `graceMs` is handed back all the same. */
  async stop(graceMs: number): Promise<void> {
    const { settling, log } = this.#given;
    const working = [...this.#running.values()];
    for (const entry of working) entry.control.abort(new JobAborted("shutdown"));
    const grace = new AbortController();
    const late = pause(graceMs, undefined, { signal: grace.signal }).catch(() => {});
    await Promise.race([Promise.all(working.map((entry) => entry.settled)), late]);
    grace.abort();
    for (const { name, job } of this.#running.values()) {
      log.warn({ queue: name, id: job.data.id }, "a job did not stop in time");
      // Where the database is gone too, the missing heartbeat hands the job on.
      await settling.handBack(name, job).catch((error: unknown) => {
        log.warn({ error, id: job.data.id }, "a job could not be handed back");
      });
    }
  }

  async #attempt(
    name: JobName,
    handler: Handler,
    work: WorkOptions,
    job: Job,
    failures: number,
  ): Promise<void> {
    const { id, projectId } = job.data;
    const control = new AbortController();
    const settled = Promise.withResolvers<void>();
    const onLost = (): void => control.abort(new JobAborted("lost"));
    job.signal.addEventListener("abort", onLost, { once: true });
    this.#running.set(job.id, { name, job, control, settled: settled.promise });
    try {
      await handler({ id, projectId, attempt: job.retryCount + 1, signal: control.signal });
    } catch (error) {
      const why = control.signal.reason instanceof JobAborted ? control.signal.reason.why : undefined;
      if (why !== undefined) await this.#wasAborted(name, job, why);
      else if (isDatabaseAway(error)) await this.#hasOutlasted(name, job, error);
      else await this.#hasFailed(name, work, job, { failures, error });
    } finally {
      job.signal.removeEventListener("abort", onLost);
      this.#running.delete(job.id);
      settled.resolve();
    }
  }

  async #wasAborted(name: JobName, job: Job, why: JobAborted["why"]): Promise<void> {
    const { settling, log } = this.#given;
    const { id } = job.data;
    if (why === "shutdown") return settling.handBack(name, job);
    // pg-boss takes no answer to a lost job, and nobody wants one to a cancelled job.
    if (why === "lost") await this.#told(job, async () => settling.lost(name, job));
    log.info({ queue: name, id, why }, "a job was aborted");
  }

  async #hasFailed(
    name: JobName,
    work: WorkOptions,
    job: Job,
    { failures, error }: { failures: number; error: unknown },
  ): Promise<void> {
    const { settling, log } = this.#given;
    const attempt = failures + 1;
    if (failures === retryLimits[name]) return this.#giveUp(name, work, job, { attempts: attempt, error });
    log.warn({ queue: name, id: job.data.id, attempt, error }, "a job failed and will run again");
    await this.#told(job, async () => settling.fail(name, job, error));
  }

  /** The database went from under it, which is neither its failure nor its process's end. */
  async #hasOutlasted(name: JobName, job: Job, error: unknown): Promise<void> {
    const { settling, log } = this.#given;
    log.warn({ queue: name, id: job.data.id, error }, "a job lost the database and will run again");
    await this.#told(job, async () =>
      settling.handBack(name, job, { message: "the database was away", seconds: 1 }),
    );
  }

  /** Tells how an attempt ended as soon as the database is there; what nobody tells counts as the process's end. */
  async #told(job: Job, tell: () => Promise<void>): Promise<void> {
    for (;;)
      try {
        return await tell();
      } catch (error) {
        this.#given.log.warn({ error, id: job.data.id }, "how a job ended could not be told");
        if (this.#stopping || !isDatabaseAway(error)) return;
        await pause(tellAgainMs);
      }
  }

  async #giveUp(
    name: JobName,
    work: WorkOptions,
    job: Job,
    { attempts, error }: { attempts: number; error: unknown },
  ): Promise<void> {
    const { id, projectId } = job.data;
    this.#given.log.error({ queue: name, id, attempts, error }, "a job has failed for good");
    await work.onExhausted?.({ id, projectId, attempts }, error);
  }

  async #abortUnwanted(): Promise<void> {
    for (const [name, wanted] of [
      ["fine_tune", wantedFineTunes],
      ["import", wantedImports],
      ["preview", wantedPreviews],
      ["auto_label", wantedAutoLabels],
    ] as const) {
      const mine = [...this.#running.values()].filter((entry) => entry.name === name);
      if (mine.length === 0) continue;
      const ids = mine.map((entry) => entry.job.data.id);
      const keep = new Set(await wanted(this.#given.db, ids));
      for (const entry of mine)
        if (!keep.has(entry.job.data.id)) entry.control.abort(new JobAborted("cancelled"));
    }
  }
}
