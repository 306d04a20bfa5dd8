import { PgBoss, type JobWithMetadata } from "pg-boss";
import { setTimeout as pause } from "node:timers/promises";
import { openDatabase } from "../db/client.ts";
import { channels, createListener } from "../db/listen.ts";
import { wantedFineTunes, wantedImports, wantedPreviews } from "../db/queries/waiting.ts";
import { messageOf } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import { Releases } from "../lib/releases.ts";
import { bridge } from "./bridge.ts";
import {
  type Handler,
  JobAborted,
  type JobData,
  jobId,
  type JobName,
  queueSettings,
  retryLimits,
  type WorkOptions,
} from "./jobs.ts";

export interface Queue {
  /**
   * Starts taking jobs. For `fine_tune`, `import` and `preview` rows are the jobs: whatever is inserted as `queued` is run.
   * One job of a project at a time, also over several processes.
   */
  work(name: JobName, handler: Handler, options?: WorkOptions): Promise<void>;
  /** Asks for an image to be embedded; asking again while that waits does nothing. */
  sendEmbed(job: { imageId: string; projectId: string }): Promise<void>;
  /**
   * Takes no more, aborts what runs, and gives it back to the queue for another process to take at once. A handler
   * that hasn't ended after `graceMs` is given up on; its row's lease keeps it from writing.
   */
  stop(options?: { graceMs?: number }): Promise<void>;
}

type Job = JobWithMetadata<JobData>;

interface Running {
  name: JobName;
  job: Job;
  control: AbortController;
  settled: Promise<void>;
}

/** The queue's edge: pg-boss in the schema `pgboss` of the same database, made when missing. */
export async function createQueue(options: { databaseUrl: string; log: Log }): Promise<Queue> {
  const { databaseUrl, log } = options;
  const releases = new Releases();
  const database = openDatabase(databaseUrl, { max: 2 });
  releases.add("the queue's database", () => database.close());
  const listener = createListener({ databaseUrl, log });
  releases.add("the listener", () => listener.close());
  const boss = new PgBoss({
    connectionString: databaseUrl,
    application_name: "maskwright queue",
    schema: "pgboss",
    useListenNotify: true,
    schedule: false,
    superviseIntervalSeconds: 5,
    // The default of 60 s would let a killed process's job wait two minutes.
    monitorIntervalSeconds: 5,
  });
  boss.on("error", (error) => log.warn({ error: messageOf(error) }, "the queue had a problem"));
  boss.on("warning", (warning) => log.debug({ warning }, "the queue warns"));
  try {
    await boss.start();
    releases.add("pg-boss", () => boss.stop({ graceful: true, timeout: 1000 }));
    for (const [name, settings] of Object.entries(queueSettings)) await boss.createQueue(name, settings);
  } catch (error) {
    await releases.release();
    throw error;
  }

  const running = new Map<string, Running>();
  let stopping: Promise<void> | undefined;

  /** pg-boss sets a failed job back; we then make it due now, and remember that this was no failure. */
  const handBack = async (name: JobName, job: Job): Promise<void> => {
    await boss.fail(
      name,
      { id: job.id, retryCount: job.retryCount },
      { message: "handed back at a shutdown" },
    );
    const data: JobData = { ...job.data, handedBack: job.data.handedBack + 1 };
    await boss.update(name, data, { id: job.id, startAfter: 0 });
  };

  const run = async (name: JobName, handler: Handler, work: WorkOptions, job: Job): Promise<void> => {
    if (stopping) return handBack(name, job);
    const { id, projectId } = job.data;
    const failures = job.retryCount - job.data.handedBack;
    const exhausted = async (attempts: number, error: unknown): Promise<void> => {
      log.error({ queue: name, id, attempts, error: messageOf(error) }, "a job has failed for good");
      await work.onExhausted?.({ id, projectId, attempts }, error);
    };
    // Its process was killed each time, so nobody was there to say so.
    if (failures > retryLimits[name])
      return exhausted(failures, new Error(`the process died in each of ${failures} attempts`));

    const control = new AbortController();
    const settled = Promise.withResolvers<void>();
    const onLost = (): void => control.abort(new JobAborted("lost"));
    job.signal.addEventListener("abort", onLost, { once: true });
    running.set(job.id, { name, job, control, settled: settled.promise });
    try {
      await handler({ id, projectId, attempt: job.retryCount + 1, signal: control.signal });
    } catch (error) {
      const why = control.signal.reason instanceof JobAborted ? control.signal.reason.why : undefined;
      if (why === "shutdown") return await handBack(name, job);
      // Of a lost job pg-boss takes no answer, and of a cancelled one nobody wants any.
      if (why !== undefined) return log.info({ queue: name, id, why }, "a job was aborted");
      if (failures === retryLimits[name]) return await exhausted(failures + 1, error);
      log.warn(
        { queue: name, id, attempt: failures + 1, error: messageOf(error) },
        "a job failed and will run again",
      );
      throw error;
    } finally {
      job.signal.removeEventListener("abort", onLost);
      running.delete(job.id);
      settled.resolve();
    }
  };

  /** Aborts what was cancelled, or deleted with its project. */
  const abortUnwanted = async (): Promise<void> => {
    for (const [name, wanted] of [
      ["fine_tune", wantedFineTunes],
      ["import", wantedImports],
      ["preview", wantedPreviews],
    ] as const) {
      const mine = [...running.values()].filter((entry) => entry.name === name);
      if (mine.length === 0) continue;
      const keep = new Set(
        await wanted(
          database.db,
          mine.map((entry) => entry.job.data.id),
        ),
      );
      for (const entry of mine)
        if (!keep.has(entry.job.data.id)) entry.control.abort(new JobAborted("cancelled"));
    }
  };
  const lookForUnwanted = (): void => {
    if (running.size === 0 || stopping) return;
    abortUnwanted().catch((error: unknown) =>
      log.warn({ error: messageOf(error) }, "can't look for cancelled jobs"),
    );
  };
  const timer = setInterval(lookForUnwanted, 2_000);
  releases.add("the look-out for cancelled jobs", () => clearInterval(timer));

  const stop = async (graceMs: number): Promise<void> => {
    const working = [...running.values()];
    for (const name of Object.keys(queueSettings)) await boss.offWork(name, { wait: false });
    for (const entry of working) entry.control.abort(new JobAborted("shutdown"));
    const grace = new AbortController();
    const late = pause(graceMs, undefined, { signal: grace.signal }).catch(() => {});
    await Promise.race([Promise.all(working.map((entry) => entry.settled)), late]);
    grace.abort();
    for (const { name, job } of running.values()) {
      log.warn({ queue: name, id: job.data.id }, "a job did not stop in time");
      // Where the database is gone too, the missing heartbeat hands the job on.
      await handBack(name, job).catch((error: unknown) => {
        log.warn({ error: messageOf(error), id: job.data.id }, "a job could not be handed back");
      });
    }
    await releases.release();
  };

  return {
    async work(name, handler, work = {}) {
      if (name !== "embed")
        releases.add(`the bridge of ${name}`, await bridge(name, { boss, db: database.db, listener, log }));
      if (name === "fine_tune") await listener.watch(channels.fineTuneChanged, lookForUnwanted);
      const taking = {
        includeMetadata: true,
        localConcurrency: work.concurrency ?? 1,
        // A backlog is found by polling only: NOTIFY comes with an insert, not with a job's end.
        pollingIntervalSeconds: 0.5,
        notifyPollingIntervalSeconds: 0.5,
        heartbeatRefreshSeconds: 2,
      } as const;
      await boss.work<JobData, void, typeof taking>(name, taking, async ([job]) => {
        if (job) await run(name, handler, work, job);
      });
    },
    async sendEmbed({ imageId, projectId }) {
      const data: JobData = { id: imageId, projectId, handedBack: 0 };
      await boss.send("embed", data, { id: jobId("embed", imageId) });
    },
    stop: ({ graceMs = 10_000 } = {}) => (stopping ??= stop(graceMs)),
  };
}
