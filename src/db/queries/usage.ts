import { and, eq, sql } from "../drizzle.ts";
import { AppError } from "../../lib/errors.ts";
import type { Executor } from "../client.ts";
import {
  fineTunePreviews,
  fineTunes,
  monthlyUsage,
  trainingUsage,
  workspaces,
  workspaceUsage,
} from "../schema/index.ts";
import { openPreview, openFineTune } from "../../domain/job-states.ts";

/** What a workspace may hold and use; null is no bound. */
export interface Quotas {
  readonly images: number | null;
  /**
   * Bytes of all that it has stored: images, weights of imported versions, zips that wait, what is announced for links, and
   * embeddings. What a fine-tune makes is free.
   */
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

/** What a workspace has stored. */
export interface Held {
  readonly images: number;
  /** Bytes of images, as uploaded. */
  readonly imageBytes: number;
  /** Bytes of the weights of imported versions, as stored. */
  readonly versionBytes: number;
  /** Bytes of the archives of imports that have not ended. */
  readonly importBytes: number;
  /** Announced for links whose upload is neither completed nor swept. */
  readonly uploadBytes: number;
  /** Bytes of image embeddings, whole and of regions. They give way to everything else. */
  readonly embeddingBytes: number;
}

/** One row, kept by the triggers of the migration `stored_usage`. */
export async function selectHeld(db: Executor, workspaceId: string): Promise<Held> {
  const [row] = await db
    .select({
      images: workspaceUsage.images,
      imageBytes: workspaceUsage.imageBytes,
      versionBytes: workspaceUsage.versionBytes,
      importBytes: workspaceUsage.importBytes,
      uploadBytes: workspaceUsage.uploadBytes,
      embeddingBytes: workspaceUsage.embeddingBytes,
    })
    .from(workspaceUsage)
    .where(eq(workspaceUsage.workspaceId, workspaceId));
  return row ?? nothingHeld;
}

const nothingHeld: Held = {
  images: 0,
  imageBytes: 0,
  versionBytes: 0,
  importBytes: 0,
  uploadBytes: 0,
  embeddingBytes: 0,
};

/** What can't be made again: all but the embeddings. */
export const lastingBytes = (held: Held): number =>
  held.imageBytes + held.versionBytes + held.importBytes + held.uploadBytes;

const monthStart = sql`date_trunc('month', now() at time zone 'utc') at time zone 'utc'`;

/**
 * Seconds that fine-tunes and previews have run in this calendar month (UTC), those that still run until now, whatever
 * has become of their projects.
 */
export async function selectTrainingSeconds(db: Executor, workspaceId: string): Promise<number> {
  const runs = (table: typeof fineTunes | typeof fineTunePreviews, open: readonly string[]) => sql`
    select coalesce(sum(extract(epoch from now() - greatest(started_at, ${monthStart}))), 0)
    from ${table} where workspace_id = ${workspaceId} and status in ${[...open]} and started_at is not null`;
  const [row] = await db.execute<{ seconds: number }>(sql`
    select (coalesce((select seconds from ${trainingUsage} where workspace_id = ${workspaceId}
        and month = date_trunc('month', now() at time zone 'utc')::date), 0)
      + (${runs(fineTunes, openFineTune)}) + (${runs(fineTunePreviews, openPreview)}))::float8 as seconds`);
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

const settingOf = { images: "QUOTA_IMAGES", bytes: "QUOTA_BYTES" } as const;

/**
 * Whether a workspace may hold what it holds, and `more`. At the end of a transaction that has added something this
 * is final: from here on the workspace's counters are held, so of several that fill it at once each sees what the others
 * have committed. Asked before a transaction's writes, with `more`, it keeps from storing in vain. Embeddings don't count,
 * as they give way.
 * @param of what was added; what a lower quota is already too small for, is asked of nobody who adds none of it
 * @param more what is still to come
 * Throws AppError quota_exceeded, with `images` or `bytes` as its param.
 */
export async function requireRoom(
  tx: Executor,
  workspaceId: string,
  defaults: Quotas,
  {
    of = ["images", "bytes"],
    more = {},
  }: { of?: readonly ("images" | "bytes")[]; more?: { images?: number; bytes?: number } } = {},
): Promise<void> {
  const quotas = await selectQuotas(tx, workspaceId, defaults);
  if (of.every((what) => quotas[what] === null)) return;
  await settleUsage(tx);
  const now = await selectHeld(tx, workspaceId);
  const held = {
    images: now.images + (more.images ?? 0),
    bytes: lastingBytes(now) + (more.bytes ?? 0),
  };
  for (const what of of) {
    const limit = quotas[what];
    if (limit === null || held[what] <= limit) continue;
    throw new AppError(
      "quota_exceeded",
      `With this the workspace would hold ${held[what]} ${what}; its quota is ${limit} (${settingOf[what]}, unless it has one of its own).`,
      { param: what },
    );
  }
}

/** What a workspace may still store beside what lasts; Infinity is no bound. */
export async function selectRoom(
  db: Executor,
  workspaceId: string,
  defaults: Quotas,
): Promise<{ images: number; bytes: number }> {
  const quotas = await selectQuotas(db, workspaceId, defaults);
  const held = await selectHeld(db, workspaceId);
  return {
    images: (quotas.images ?? Number.POSITIVE_INFINITY) - held.images,
    bytes: (quotas.bytes ?? Number.POSITIVE_INFINITY) - lastingBytes(held),
  };
}

/** Adds up what the transaction has changed now, and not at its end; does nothing outside of one. */
export async function settleUsage(tx: Executor): Promise<void> {
  await tx.execute(sql`set constraints workspace_usage_changes_apply immediate`);
}

/** Throws AppError quota_exceeded once this month's training minutes are used up; what runs goes on. */
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
    `This month's fine-tunes and previews have run for ${used.toFixed(1)} minutes; the workspace's quota is ${limit} (QUOTA_TRAINING_MINUTES, unless it has one of its own).`,
    { param: "training_minutes" },
  );
}
