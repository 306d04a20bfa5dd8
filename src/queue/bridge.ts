import { sql } from "../db/drizzle.ts";
import { type ConnectionOptions, fromDrizzle, type PgBoss } from "pg-boss";
import type { Database } from "../db/client.ts";
import { channels, type Listener } from "../db/listen.ts";
import {
  lockWaitingAutoLabel,
  lockWaitingFineTune,
  lockWaitingImport,
  lockWaitingPreview,
  type Waiting,
  waitingAutoLabels,
  waitingFineTunes,
  waitingImports,
  waitingPreviews,
} from "../db/queries/waiting.ts";
import { lockWaitingDelivery, waitingDeliveries } from "../db/queries/webhook-deliveries.ts";
import type { Log } from "../lib/log.ts";
import { type JobData, jobId } from "./jobs.ts";

const sources = {
  fine_tune: { channel: channels.fineTunes, waiting: waitingFineTunes, lock: lockWaitingFineTune },
  import: { channel: channels.imports, waiting: waitingImports, lock: lockWaitingImport },
  preview: { channel: channels.previews, waiting: waitingPreviews, lock: lockWaitingPreview },
  auto_label: { channel: channels.autoLabels, waiting: waitingAutoLabels, lock: lockWaitingAutoLabel },
  webhook: { channel: channels.webhookDeliveries, waiting: waitingDeliveries, lock: lockWaitingDelivery },
} as const;

const sweepEveryMs = 2_000;
/** Jobs that may start before the next sweep. */
const near = 32;
/** A row that still waits this long after it was sent is sent again, in case its job is gone. */
const resendAfterMs = 120_000;

/**
 * Turns rows that wait into jobs: at once when the database tells, and every two seconds whatever it told.
 * Resolves when it listens; call the answer to end it.
 */
export async function bridge(
  name: keyof typeof sources,
  context: { boss: PgBoss; db: Database; listener: Listener; log: Log },
): Promise<() => Promise<void>> {
  const { boss, db, listener, log } = context;
  const { channel, waiting } = sources[name];
  const sent = new Map<string, { at: number; ahead: number }>();
  let wanted = false;
  let sweeping: Promise<void> | undefined;

  /**
   * As others come and go, a job's turn changes. Only those are told whose turn is near, or was: the others would change
   * with every job that ends.
   */
  const move = async (rows: readonly Waiting[]): Promise<void> => {
    for (const row of rows) {
      const known = sent.get(row.id);
      if (known === undefined || known.ahead === row.ahead) continue;
      if (Math.min(known.ahead, row.ahead) >= near) continue;
      await boss.update(name, undefined, { id: jobId(name, row.id), priority: -row.ahead });
      known.ahead = row.ahead;
    }
  };

  const sweep = async (): Promise<void> => {
    const now = performance.now();
    for (const [id, { at }] of sent) if (now - at > resendAfterMs) sent.delete(id);
    const all = await waiting(db);
    await move(all);
    const rows = all.filter((row) => !sent.has(row.id));
    if (rows.length === 0) return;
    const made = new Set(
      await boss.insert(
        name,
        rows.map((row) => toJob(name, row)),
        { returnId: true },
      ),
    );
    for (const row of rows) {
      if (!made.has(jobId(name, row.id))) await revive(boss, db, name, row);
      sent.set(row.id, { at: now, ahead: row.ahead });
    }
  };

  const sweepWhileWanted = async (): Promise<void> => {
    do {
      wanted = false;
      await sweep().catch((error: unknown) => log.warn({ error, queue: name }, "a sweep failed"));
    } while (wanted);
    sweeping = undefined;
  };
  /** One sweep at a time, and one more if it was asked for meanwhile. */
  const ask = (): void => {
    wanted = true;
    sweeping ??= sweepWhileWanted();
  };

  const unwatch = await listener.watch(channel, (id) => {
    if (id !== null) sent.delete(id);
    ask();
  });
  const timer = setInterval(ask, sweepEveryMs);
  return async () => {
    clearInterval(timer);
    unwatch();
    await sweeping;
  };
}

const toJob = (name: keyof typeof sources, row: Waiting) => ({
  id: jobId(name, row.id),
  singletonKey: row.projectId,
  group: { id: row.workspaceId },
  priority: -row.ahead,
  data: { id: row.id, projectId: row.projectId, handedBack: 0 } satisfies JobData,
});

/**
 * A row that waits although its job has ended was set back by hand: its job is made anew. Under the row's lock,
 * because the job may just have been run by another process, or be revived there.
 */
async function revive(boss: PgBoss, db: Database, name: keyof typeof sources, row: Waiting): Promise<void> {
  const id = jobId(name, row.id);
  const hasEnded = async (options: ConnectionOptions = {}): Promise<boolean> => {
    const [job] = await boss.findJobs(name, { id, ...options });
    return job === undefined || ["completed", "cancelled", "failed"].includes(job.state);
  };
  if (!(await hasEnded())) return;
  await db.transaction(async (tx) => {
    const options = { db: fromDrizzle(tx, sql) };
    if (!(await sources[name].lock(tx, row.id)) || !(await hasEnded(options))) return;
    await boss.deleteJob(name, id, options);
    await boss.insert(name, [toJob(name, row)], options);
  });
}
