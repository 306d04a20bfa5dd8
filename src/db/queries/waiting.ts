import { and, eq, inArray, ne, sql } from "drizzle-orm";
import type { Executor } from "../client.ts";
import {
  fineTunePreviews,
  fineTunes,
  imports,
  openFineTune,
  openImport,
  openPreview,
} from "../schema/index.ts";

/** A row whose job has not started yet. */
export interface Waiting {
  id: string;
  projectId: string;
  /** Unfinished rows of the same workspace that come first: who asks for much waits behind who asks for little. */
  ahead: number;
}

/** Every fine-tune that waits to be started, oldest first. */
export const waitingFineTunes = (db: Executor): Promise<Waiting[]> => waitingIn(db, fineTunes, openFineTune);

/** Every import that waits to be started, oldest first. */
export const waitingImports = (db: Executor): Promise<Waiting[]> => waitingIn(db, imports, openImport);

/** Every preview that waits to be started, oldest first. */
export const waitingPreviews = (db: Executor): Promise<Waiting[]> =>
  waitingIn(db, fineTunePreviews, openPreview);

async function waitingIn(
  db: Executor,
  table: typeof fineTunes | typeof imports | typeof fineTunePreviews,
  open: readonly string[],
): Promise<Waiting[]> {
  return db.execute<Waiting & Record<string, unknown>>(sql`
    with open as (
      select id, project_id, status, created_at,
        workspace_id, row_number() over (partition by project_id order by created_at, id) as in_project
      from ${table} where status in ${[...open]}
    ), ranked as (
      select *, row_number() over (
        partition by workspace_id order by in_project, created_at, id)::int - 1 as ahead
      from open
    )
    select id, project_id as "projectId", ahead from ranked where status = 'queued' order by created_at, id`);
}

/** Whether the fine-tune still waits; no other transaction can change it before this one ends. */
export async function lockWaitingFineTune(tx: Executor, id: string): Promise<boolean> {
  const waits = and(eq(fineTunes.id, id), eq(fineTunes.status, "queued"));
  const rows = await tx.select({ id: fineTunes.id }).from(fineTunes).where(waits).for("update");
  return rows.length > 0;
}

/** Whether the import still waits; no other transaction can change it before this one ends. */
export async function lockWaitingImport(tx: Executor, id: string): Promise<boolean> {
  const waits = and(eq(imports.id, id), eq(imports.status, "queued"));
  const rows = await tx.select({ id: imports.id }).from(imports).where(waits).for("update");
  return rows.length > 0;
}

/** Whether the preview still waits; no other transaction can change it before this one ends. */
export async function lockWaitingPreview(tx: Executor, id: string): Promise<boolean> {
  const waits = and(eq(fineTunePreviews.id, id), eq(fineTunePreviews.status, "queued"));
  const rows = await tx.select({ id: fineTunePreviews.id }).from(fineTunePreviews).where(waits).for("update");
  return rows.length > 0;
}

/** Those of the given fine-tunes that are still wanted: not cancelled, and not deleted with their project. */
export async function wantedFineTunes(db: Executor, ids: string[]): Promise<string[]> {
  const rows = await db
    .select({ id: fineTunes.id })
    .from(fineTunes)
    .where(and(inArray(fineTunes.id, ids), ne(fineTunes.status, "cancelled")));
  return rows.map((row) => row.id);
}

/** Those of the given previews that are still wanted: not cancelled, and not deleted with their project. */
export async function wantedPreviews(db: Executor, ids: string[]): Promise<string[]> {
  const rows = await db
    .select({ id: fineTunePreviews.id })
    .from(fineTunePreviews)
    .where(and(inArray(fineTunePreviews.id, ids), ne(fineTunePreviews.status, "cancelled")));
  return rows.map((row) => row.id);
}

/** Those of the given imports that were not deleted with their project. */
export async function wantedImports(db: Executor, ids: string[]): Promise<string[]> {
  const rows = await db.select({ id: imports.id }).from(imports).where(inArray(imports.id, ids));
  return rows.map((row) => row.id);
}

/**
 * How many trainers there is work for: projects with a fine-tune, an import or a preview that has not ended, because one of
 * each runs at a time in a project. What trainers are scaled by, on AWS and Kubernetes.
 */
export async function countTrainersWanted(db: Executor): Promise<number> {
  const [row] = await db.execute<{ n: number }>(sql`
    select count(distinct project_id)::int as n from (
      select project_id from ${fineTunes} where status in ${[...openFineTune]}
      union all
      select project_id from ${imports} where status in ${[...openImport]}
      union all
      select project_id from ${fineTunePreviews} where status in ${[...openPreview]}
    ) as open`);
  return row?.n ?? 0;
}
