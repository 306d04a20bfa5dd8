import { PgBoss, type JobWithMetadata } from "pg-boss";
import { setTimeout as pause } from "node:timers/promises";
import { openDatabase } from "../db/client.ts";
import { channels, createListener } from "../db/listen.ts";
import { nextEmbedTurn } from "../db/queries/embed-turns.ts";
import { wantedFineTunes, wantedImports, wantedPreviews } from "../db/queries/waiting.ts";
import { messageOf } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import { Releases } from "../lib/releases.ts";
import { Alone } from "./alone.ts";
import { bridge } from "./bridge.ts";
import {
  deathLimits,
  type Handler,
  JobAborted,
  type JobData,
  jobId,
  type JobName,
  ProcessDied,
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
  /**
   * Asks for images of a project to be embedded, in their order; asking again while that waits does nothing. Workspaces
   * take turns.
   */
  sendEmbeds(projectId: string, imageIds: readonly string[]): Promise<void>;
  /**
   * Takes no more, aborts what runs, and gives it back to the queue for another process to take at once. A handler
   * that hasn't ended after `graceMs` is given up on; its row's lease keeps it from writing.
   */
  stop(options?: { graceMs?: number }): Promise<void>;
}

type Job = JobWithMetadata<JobData>;

const jobsPerStatement = 1000;

/** Until a job asks again that has to run alone, or that another one keeps out which does. */
const putOffSeconds = 5;

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

  const alone = new Alone();

  /** pg-boss sets a failed job back; we then make it due, and remember that this was no failure. */
  const handBack = async (
    name: JobName,
    job: Job,
    { message = "handed back at a shutdown", seconds = 0 } = {},
  ): Promise<void> => {
    await boss.fail(name, { id: job.id, retryCount: job.retryCount }, { message });
    const data: JobData = { ...job.data, handedBack: job.data.handedBack + 1 };
    await boss.update(name, data, { id: job.id, startAfter: seconds });
  };

  /** Whoever has lost a job, and finds out, was only cut off: that attempt did not end with its process. */
  const live = async (name: JobName, job: Job): Promise<void> => {
    const data: JobData = { ...job.data, handedBack: job.data.handedBack + 1 };
    await boss.update(name, data, { id: job.id }).catch((error: unknown) => {
      log.warn({ error: messageOf(error), id: job.data.id }, "a lost job could not be told of");
    });
  };

  /** The same as handing back, but it was a failure, and its process lived to tell. */
  const fail = async (name: JobName, job: Job, error: unknown): Promise<void> => {
    await boss.fail(name, { id: job.id, retryCount: job.retryCount }, { message: messageOf(error) });
    await boss.update(name, { ...job.data, failed: (job.data.failed ?? 0) + 1 }, { id: job.id });
  };

  const run = async (name: JobName, handler: Handler, work: WorkOptions, job: Job): Promise<void> => {
    if (stopping) return handBack(name, job);
    const { id, projectId } = job.data;
    // pg-boss has counted this attempt, and committed that, as it was taken.
    const failures = job.retryCount - job.data.handedBack;
    const deaths = failures - (job.data.failed ?? 0);
    const exhausted = async (attempts: number, error: unknown): Promise<void> => {
      log.error({ queue: name, id, attempts, error: messageOf(error) }, "a job has failed for good");
      await work.onExhausted?.({ id, projectId, attempts }, error);
    };
    // Nobody was there to say so.
    if (deaths >= deathLimits[name]) return exhausted(failures, new ProcessDied(deaths));
    if (failures > retryLimits[name]) return exhausted(failures, new Error(`${failures} attempts failed`));
    // A webhook's message ends no process, and no process waits for its receiver.
    const leave = name === "webhook" ? () => {} : alone.enter(job.id, deaths > 0);
    if (leave === null) return handBack(name, job, { message: "put off", seconds: putOffSeconds });

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
      // pg-boss takes no answer to a lost job, and nobody wants one to a cancelled job.
      if (why === "lost") await live(name, job);
      if (why !== undefined) return log.info({ queue: name, id, why }, "a job was aborted");
      if (failures === retryLimits[name]) return await exhausted(failures + 1, error);
      log.warn(
        { queue: name, id, attempt: failures + 1, error: messageOf(error) },
        "a job failed and will run again",
      );
      await fail(name, job, error);
    } finally {
      leave();
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
      // Many loops that look twice a second each would be no less work than what they look for.
      const lookSeconds = (work.concurrency ?? 1) > 4 ? 1 : 0.5;
      const taking = {
        includeMetadata: true as const,
        localConcurrency: work.concurrency ?? 1,
        ...(work.perWorkspace !== undefined && { localGroupConcurrency: work.perWorkspace }),
        // A backlog is found by polling only: NOTIFY comes with an insert, not with a job's end.
        pollingIntervalSeconds: lookSeconds,
        notifyPollingIntervalSeconds: lookSeconds,
        heartbeatRefreshSeconds: 2,
      };
      await boss.work<JobData, void, typeof taking & { includeMetadata: true }>(
        name,
        taking,
        async ([job]) => {
          if (job) await run(name, handler, work, job);
        },
      );
    },
    async sendEmbeds(projectId, imageIds) {
      const turn = await nextEmbedTurn(database.db, projectId);
      if (turn === null) return;
      const { workspaceId, first } = turn;
      for (let from = 0; from < imageIds.length; from += jobsPerStatement) {
        await boss.insert(
          "embed",
          imageIds.slice(from, from + jobsPerStatement).map((imageId, i) => ({
            id: jobId("embed", imageId),
            priority: -(first + from + i),
            data: { id: imageId, projectId, workspaceId, handedBack: 0 } satisfies JobData,
          })),
        );
      }
    },
    stop: ({ graceMs = 10_000 } = {}) => (stopping ??= stop(graceMs)),
  };
}
