import { and, eq, inArray, isNotNull, sql } from "drizzle-orm";
import { AppError } from "../../lib/errors.ts";
import type { Executor } from "../client.ts";
import { fineTunes, images, monthlyUsage, projects, versions, workspaces } from "../schema/index.ts";

/** What a workspace may hold and use; null is no bound. */
export interface Quotas {
  readonly images: number | null;
  /** Of its images, as uploaded, and of the weights of versions that were imported. What a fine-tune makes is free. */
  readonly bytes: number | null;
  /** In a calendar month, UTC. */
  readonly trainingMinutes: number | null;
}

export const noQuotas: Quotas = { images: null, bytes: null, trainingMinutes: null };

/** The workspace's own quotas; where it has none, the default. */
export async function selectQuotas(db: Executor, workspaceId: string, defaults: Quotas): Promise<Quotas> {
  const [row] = await db
    .select({
      images: workspaces.quotaImages,
      bytes: workspaces.quotaBytes,
      trainingMinutes: workspaces.quotaTrainingMinutes,
    })
    .from(workspaces)
    .where(eq(workspaces.id, workspaceId));
  return {
    images: row?.images ?? defaults.images,
    bytes: row?.bytes ?? defaults.bytes,
    trainingMinutes: row?.trainingMinutes ?? defaults.trainingMinutes,
  };
}

/** Images in all of the workspace's projects, and the bytes of these and of imported weights. */
export async function selectHeld(
  db: Executor,
  workspaceId: string,
): Promise<{ images: number; bytes: number }> {
  const [row] = await db
    .select({
      images: sql<number>`count(*)::int`,
      bytes: sql<number>`coalesce(sum(${images.bytes}), 0)::float8`,
    })
    .from(images)
    .where(eq(images.workspaceId, workspaceId));
  // By project, which has an index.
  const own = db.select({ id: projects.id }).from(projects).where(eq(projects.workspaceId, workspaceId));
  const [imported] = await db
    .select({ bytes: sql<number>`coalesce(sum(${versions.weightsBytes}), 0)::float8` })
    .from(versions)
    .where(and(inArray(versions.projectId, own), isNotNull(versions.imported)));
  return { images: row?.images ?? 0, bytes: (row?.bytes ?? 0) + (imported?.bytes ?? 0) };
}

const monthStart = sql`date_trunc('month', now() at time zone 'utc') at time zone 'utc'`;

/** Seconds that fine-tunes have run in this calendar month (UTC), those that still run until now. */
export async function selectTrainingSeconds(db: Executor, workspaceId: string): Promise<number> {
  const end = sql`coalesce(${fineTunes.finishedAt}, now())`;
  const part = sql`extract(epoch from ${end} - greatest(${fineTunes.startedAt}, ${monthStart}))`;
  const [row] = await db
    .select({ seconds: sql<number>`coalesce(sum(${part}), 0)::float8` })
    .from(fineTunes)
    .where(
      and(
        eq(fineTunes.workspaceId, workspaceId),
        sql`${fineTunes.startedAt} is not null and ${end} > ${monthStart}`,
      ),
    );
  return row?.seconds ?? 0;
}

/** Predictions that were answered in this calendar month (UTC), whatever has become of their log and their projects. */
export async function selectPredictions(db: Executor, workspaceId: string): Promise<number> {
  const [row] = await db
    .select({ predictions: monthlyUsage.predictions })
    .from(monthlyUsage)
    .where(
      and(
        eq(monthlyUsage.workspaceId, workspaceId),
        sql`${monthlyUsage.month} = date_trunc('month', now() at time zone 'utc')::date`,
      ),
    );
  return row?.predictions ?? 0;
}

/** The month that `selectTrainingSeconds` counts in: its start, and the start of the next one. */
export async function selectPeriod(db: Executor): Promise<{ start: Date; end: Date }> {
  const [row] = await db.execute(
    sql`select (${monthStart})::text as start, (${monthStart} + interval '1 month')::text as end`,
  );
  return { start: new Date(String(row?.["start"])), end: new Date(String(row?.["end"])) };
}

/**
 * To be asked at the end of a transaction that has added images or imported weights, after all its other locks: of
 * several that fill a workspace at once, each sees what the others have committed. Costs nothing where there is no quota.
 * @param of what was added; what a lower quota is already too small for, is asked of nobody who adds none of it
 * @param more bytes that are still to come: asked so beforehand, nothing is stored in vain
 * Throws AppError quota_exceeded, with `images` or `bytes` as its param.
 */
export async function requireRoom(
  tx: Executor,
  workspaceId: string,
  defaults: Quotas,
  { of = ["images", "bytes"], more = 0 }: { of?: readonly ("images" | "bytes")[]; more?: number } = {},
): Promise<void> {
  const quotas = await selectQuotas(tx, workspaceId, defaults);
  if (of.every((what) => quotas[what] === null)) return;
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`quota:${workspaceId}`}, 0))`);
  const now = await selectHeld(tx, workspaceId);
  const held = { ...now, bytes: now.bytes + more };
  for (const what of of) {
    const limit = quotas[what];
    if (limit === null || held[what] <= limit) continue;
    throw new AppError(
      "quota_exceeded",
      `With this the workspace would hold ${held[what]} ${what}; its quota is ${limit}.`,
      { param: what },
    );
  }
}

/** Throws AppError quota_exceeded once this month's training minutes are used up; a fine-tune that runs goes on. */
export async function requireTrainingTime(
  db: Executor,
  workspaceId: string,
  defaults: Quotas,
): Promise<void> {
  const { trainingMinutes: limit } = await selectQuotas(db, workspaceId, defaults);
  if (limit === null) return;
  const used = (await selectTrainingSeconds(db, workspaceId)) / 60;
  if (used < limit) return;
  throw new AppError(
    "quota_exceeded",
    `This month's fine-tunes have run for ${used.toFixed(1)} minutes; the workspace's quota is ${limit}.`,
    { param: "training_minutes" },
  );
}
