import { afterEach } from "vitest";
import { createLog } from "../../src/lib/log.ts";
import type { RunningJob } from "../../src/queue/jobs.ts";
import type { OpenDatabase } from "../../src/db/client.ts";
import { createQueue, type Queue } from "../../src/queue/queue.ts";
import { testDatabase } from "../helpers/database.ts";

export const log = createLog({ level: "silent", name: "test" });

/** Things that happen, to be awaited in their order. */
export class Mailbox<T> {
  readonly #items: T[] = [];
  #wake: () => void = () => {};

  put(item: T): void {
    this.#items.push(item);
    this.#wake();
  }

  async next(): Promise<T> {
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined) return item;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  get waiting(): number {
    return this.#items.length;
  }
}

/** Resolves when the job's signal is aborted. */
export const aborted = (job: RunningJob): Promise<unknown> =>
  new Promise((resolve) => {
    if (job.signal.aborted) resolve(job.signal.reason);
    else job.signal.addEventListener("abort", () => resolve(job.signal.reason), { once: true });
  });

export async function addProjects(database: OpenDatabase, ...ids: string[]): Promise<void> {
  const { sql } = database;
  await sql`insert into workspaces (id, name) values ('ws_1', 'one') on conflict do nothing`;
  for (const id of ids) await sql`insert into projects (id, workspace_id, name) values (${id}, 'ws_1', 'p')`;
}

/** What a trainer does at a job's end. */
export async function finish(database: OpenDatabase, id: string, status = "succeeded"): Promise<void> {
  await database.sql`update fine_tunes set status = ${status} where id = ${id}`;
}

/** Databases and queues of a test, which end with it. */
export function useQueues() {
  const open: { queues: Queue[]; databases: OpenDatabase[] } = { queues: [], databases: [] };
  afterEach(async () => {
    for (const queue of open.queues.splice(0)) await queue.stop({ graceMs: 0 });
    for (const database of open.databases.splice(0)) await database.close();
  });
  return {
    setUp: async (...projects: string[]): Promise<OpenDatabase> => {
      const database = await testDatabase();
      open.databases.push(database);
      await addProjects(database, ...projects);
      return database;
    },
    startQueue: async (database: OpenDatabase): Promise<Queue> => {
      const queue = await createQueue({ databaseUrl: database.url, log });
      open.queues.push(queue);
      return queue;
    },
  };
}
