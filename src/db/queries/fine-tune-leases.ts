import { and, eq, inArray, notInArray, type SQL, sql } from "drizzle-orm";
import type { Executor } from "../client.ts";
import { fineTunes, versions } from "../schema/index.ts";
import { type FineTuneProgress, type FineTuneStatus, openFineTune } from "../../domain/fine-tune.ts";
import type { JobError } from "../../domain/job-error.ts";

export type FineTuneRow = typeof fineTunes.$inferSelect;

/** The right to write to a fine-tune while it runs. Every statement below tests it; a new claim makes it void. */
export interface FineTuneLease {
  readonly id: string;
  readonly token: string;
}

const held = ["preparing", "running", "evaluating"] as const satisfies readonly FineTuneStatus[];

/** True of the row whose lease this is, while its job is neither ended nor cancelled. */
export const holds = (lease: FineTuneLease): SQL =>
  sql.join(
    [eq(fineTunes.id, lease.id), eq(fineTunes.leaseToken, lease.token), inArray(fineTunes.status, [...held])],
    sql` and `,
  );

/** Takes the job: a new token, the next attempt, from the start. Null when it has ended, was cancelled or is gone. */
export async function claimFineTune(
  db: Executor,
  id: string,
  holder: string,
): Promise<(FineTuneRow & { leaseToken: string }) | null> {
  const [row] = await db
    .update(fineTunes)
    .set({
      status: "preparing",
      leaseToken: sql`gen_random_uuid()`,
      leaseHolder: holder,
      attempt: sql`${fineTunes.attempt} + 1`,
      progress: null,
      startedAt: sql`coalesce(${fineTunes.startedAt}, now())`,
    })
    .where(and(eq(fineTunes.id, id), inArray(fineTunes.status, [...openFineTune])))
    .returning();
  return row?.leaseToken ? { ...row, leaseToken: row.leaseToken } : null;
}

/** Gives the job back to the queue, to be run again from the start. */
export async function releaseFineTune(db: Executor, lease: FineTuneLease): Promise<boolean> {
  const rows = await db
    .update(fineTunes)
    .set({ status: "queued", leaseToken: null, leaseHolder: null, progress: null })
    .where(holds(lease))
    .returning({ id: fineTunes.id });
  return rows.length > 0;
}

export async function setFineTuneStatus(
  db: Executor,
  lease: FineTuneLease,
  status: "preparing" | "running" | "evaluating",
): Promise<boolean> {
  const rows = await db.update(fineTunes).set({ status }).where(holds(lease)).returning({ id: fineTunes.id });
  return rows.length > 0;
}

/** What the run found out about itself: the data it froze, the engine it got, what its search has chosen. */
export async function setFineTuneFacts(
  db: Executor,
  lease: FineTuneLease,
  facts: { snapshotHash?: string; engine?: string; chosen?: Record<string, unknown> },
): Promise<boolean> {
  const rows = await db.update(fineTunes).set(facts).where(holds(lease)).returning({ id: fineTunes.id });
  return rows.length > 0;
}

/** Tells, too, whether training was asked to stop. Null when the lease is lost. */
export async function setFineTuneProgress(
  db: Executor,
  lease: FineTuneLease,
  progress: FineTuneProgress,
): Promise<{ stopRequested: boolean } | null> {
  const [row] = await db
    .update(fineTunes)
    .set({ progress })
    .where(holds(lease))
    .returning({ stopRequestedAt: fineTunes.stopRequestedAt });
  return row ? { stopRequested: row.stopRequestedAt !== null } : null;
}

/** The next attempt goes on from there. */
export async function setFineTuneCheckpoint(
  db: Executor,
  lease: FineTuneLease,
  checkpointKey: string,
): Promise<boolean> {
  const rows = await db
    .update(fineTunes)
    .set({ checkpointKey })
    .where(holds(lease))
    .returning({ id: fineTunes.id });
  return rows.length > 0;
}

export async function failFineTune(db: Executor, lease: FineTuneLease, error: JobError): Promise<boolean> {
  const rows = await db
    .update(fineTunes)
    .set({ status: "failed", error, leaseToken: null, checkpointKey: null, finishedAt: sql`now()` })
    .where(holds(lease))
    .returning({ id: fineTunes.id });
  return rows.length > 0;
}

/** For a job that the queue gives up, whoever held it: false when it had ended before. Voids the lease. */
export async function abandonFineTune(db: Executor, id: string, error: JobError): Promise<boolean> {
  const rows = await db
    .update(fineTunes)
    .set({ status: "failed", error, leaseToken: null, checkpointKey: null, finishedAt: sql`now()` })
    .where(and(eq(fineTunes.id, id), inArray(fineTunes.status, [...openFineTune])))
    .returning({ id: fineTunes.id });
  return rows.length > 0;
}

export async function succeedFineTune(
  db: Executor,
  lease: FineTuneLease,
  resultVersion: number,
): Promise<boolean> {
  const rows = await db
    .update(fineTunes)
    .set({
      status: "succeeded",
      resultVersion,
      leaseToken: null,
      checkpointKey: null,
      finishedAt: sql`now()`,
    })
    .where(holds(lease))
    .returning({ id: fineTunes.id });
  return rows.length > 0;
}

/** Locks the row against cancels and new claims until the transaction ends; false when the lease is lost. */
export async function lockFineTune(tx: Executor, lease: FineTuneLease): Promise<boolean> {
  const rows = await tx.select({ id: fineTunes.id }).from(fineTunes).where(holds(lease)).for("update");
  return rows.length > 0;
}

/**
 * Null unless the job has ended; else where its objects lie, and the keys of those that its version names.
 * Until the transaction ends nobody can set it back.
 */
export async function lockEndedFineTune(
  tx: Executor,
  id: string,
): Promise<{ projectId: string; keys: string[] } | null> {
  const [row] = await tx
    .select({ projectId: fineTunes.projectId })
    .from(fineTunes)
    .where(and(eq(fineTunes.id, id), notInArray(fineTunes.status, [...openFineTune])))
    .for("share");
  if (!row) return null;
  const made = await tx
    .select({ weightsKey: versions.weightsKey, metrics: versions.metrics })
    .from(versions)
    .where(eq(versions.fineTuneId, id));
  const named = made.flatMap(({ weightsKey, metrics }) => [
    weightsKey,
    ...(metrics?.pictures ?? []).map((picture) => picture.key),
  ]);
  return { projectId: row.projectId, keys: named };
}

/** Why a lease is void: what the row says now. Null when the row is gone. */
export async function selectFineTuneStatus(db: Executor, id: string): Promise<FineTuneStatus | null> {
  const [row] = await db.select({ status: fineTunes.status }).from(fineTunes).where(eq(fineTunes.id, id));
  return row?.status ?? null;
}
