import { PgBoss } from "pg-boss";
import { openDatabase } from "../db/client.ts";
import { channels, createListener } from "../db/listen.ts";
import { nextEmbedTurn } from "../db/queries/embed-turns.ts";
import type { Log } from "../lib/log.ts";
import { Releases } from "../lib/releases.ts";
import { bridge } from "./bridge.ts";
import { type Handler, type JobData, jobId, type JobName, queueSettings, type WorkOptions } from "./jobs.ts";
import { RunningJobs } from "./running.ts";
import { Settling } from "./settle.ts";

export interface Queue {
  /**
   * Starts taking jobs. For `fine_tune`, `import`, `preview` and `auto_label` rows are the jobs: whatever is inserted as `queued` is run.
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

const jobsPerStatement = 1000;

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
  boss.on("error", (error) => log.warn({ error }, "the queue had a problem"));
  boss.on("warning", (warning) => log.debug({ warning }, "the queue warns"));
  try {
    await boss.start();
    releases.add("pg-boss", () => boss.stop({ graceful: true, timeout: 1000 }));
    for (const [name, settings] of Object.entries(queueSettings)) await boss.createQueue(name, settings);
  } catch (error) {
    await releases.release();
    throw error;
  }

  const running = new RunningJobs({ db: database.db, settling: new Settling(boss), log });
  const lookForUnwanted = (): void => running.lookForUnwanted();
  const timer = setInterval(lookForUnwanted, 2_000);
  releases.add("the look-out for cancelled jobs", () => clearInterval(timer));

  let stopping: Promise<void> | undefined;
  const stop = async (graceMs: number): Promise<void> => {
    running.refuse();
    for (const name of Object.keys(queueSettings)) await boss.offWork(name, { wait: false });
    await running.stop(graceMs);
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
          if (job) await running.run(name, handler, work, job);
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
