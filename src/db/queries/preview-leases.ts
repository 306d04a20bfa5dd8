import { and, eq, inArray, type SQL, sql } from "drizzle-orm";
import type { Executor } from "../client.ts";
import { fineTunePreviews, openPreview } from "../schema/index.ts";
import type { JobError } from "../../domain/job-error.ts";
import type { PreviewProgress, PreviewResult } from "../../domain/preview.ts";

export type PreviewRow = typeof fineTunePreviews.$inferSelect;

/** The right to write to a preview while it runs; a new claim makes it void. */
export interface PreviewLease {
  readonly id: string;
  readonly token: string;
}

const holds = (lease: PreviewLease): SQL =>
  sql.join(
    [
      eq(fineTunePreviews.id, lease.id),
      eq(fineTunePreviews.leaseToken, lease.token),
      eq(fineTunePreviews.status, "running"),
    ],
    sql` and `,
  );

/** Takes the preview: a new token, the next attempt, from the start. Null when it has ended or is gone. */
export async function claimPreview(
  db: Executor,
  id: string,
): Promise<(PreviewRow & { leaseToken: string }) | null> {
  const [row] = await db
    .update(fineTunePreviews)
    .set({
      status: "running",
      leaseToken: sql`gen_random_uuid()`,
      attempt: sql`${fineTunePreviews.attempt} + 1`,
      progress: null,
      startedAt: sql`coalesce(${fineTunePreviews.startedAt}, now())`,
    })
    .where(and(eq(fineTunePreviews.id, id), inArray(fineTunePreviews.status, [...openPreview])))
    .returning();
  return row?.leaseToken ? { ...row, leaseToken: row.leaseToken } : null;
}

/** Gives the preview back to the queue, to be run again from the start. */
export async function releasePreview(db: Executor, lease: PreviewLease): Promise<boolean> {
  const rows = await db
    .update(fineTunePreviews)
    .set({ status: "queued", leaseToken: null, progress: null })
    .where(holds(lease))
    .returning({ id: fineTunePreviews.id });
  return rows.length > 0;
}

export async function setPreviewProgress(
  db: Executor,
  lease: PreviewLease,
  progress: PreviewProgress,
): Promise<boolean> {
  const rows = await db
    .update(fineTunePreviews)
    .set({ progress })
    .where(holds(lease))
    .returning({ id: fineTunePreviews.id });
  return rows.length > 0;
}

export async function succeedPreview(
  db: Executor,
  lease: PreviewLease,
  result: PreviewResult,
): Promise<boolean> {
  const rows = await db
    .update(fineTunePreviews)
    .set({ status: "succeeded", result, leaseToken: null, finishedAt: sql`now()` })
    .where(holds(lease))
    .returning({ id: fineTunePreviews.id });
  return rows.length > 0;
}

export async function failPreview(db: Executor, lease: PreviewLease, error: JobError): Promise<boolean> {
  const rows = await db
    .update(fineTunePreviews)
    .set({ status: "failed", error, leaseToken: null, finishedAt: sql`now()` })
    .where(holds(lease))
    .returning({ id: fineTunePreviews.id });
  return rows.length > 0;
}

/** For a preview that the queue gives up, whoever held it; false when it had ended before. Voids the lease. */
export async function abandonPreview(db: Executor, id: string, error: JobError): Promise<boolean> {
  const rows = await db
    .update(fineTunePreviews)
    .set({ status: "failed", error, leaseToken: null, finishedAt: sql`now()` })
    .where(and(eq(fineTunePreviews.id, id), inArray(fineTunePreviews.status, [...openPreview])))
    .returning({ id: fineTunePreviews.id });
  return rows.length > 0;
}
