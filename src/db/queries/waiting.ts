import { sql } from "../drizzle.ts";
import type { Executor } from "../client.ts";
import { autoLabels, fineTunePreviews, fineTunes, imports } from "../schema/index.ts";
import { openAutoLabel, openImport, openPreview, openFineTune } from "../../domain/job-states.ts";

/** A row whose job has not started yet. */
export interface Waiting {
  id: string;
  projectId: string;
  workspaceId: string;
  /**
   * Waiting rows that come first. Workspaces take turns: one's second stands behind every other's first, and of their
   * first ones that comes first whose workspace has waited longest since its last turn.
   */
  ahead: number;
}

/** Rows of one look: those that stand behind so many others are found later. */
export const mostWaiting = 5_000;

/** Fine-tunes that wait to be started, the next one first. */
export const waitingFineTunes = (db: Executor): Promise<Waiting[]> => waitingIn(db, fineTunes, openFineTune);

/** Imports that wait to be started, the next one first. */
export const waitingImports = (db: Executor): Promise<Waiting[]> => waitingIn(db, imports, openImport);

/** Previews that wait to be started, the next one first. */
export const waitingPreviews = (db: Executor): Promise<Waiting[]> =>
  waitingIn(db, fineTunePreviews, openPreview);

/** Auto-labels that wait to be started, the next one first. */
export const waitingAutoLabels = (db: Executor): Promise<Waiting[]> =>
  waitingIn(db, autoLabels, openAutoLabel);

type Jobs = typeof fineTunes | typeof imports | typeof fineTunePreviews | typeof autoLabels;

/** Those behind a job that runs come before those whose workspace will have had its turn in this round. */
async function waitingIn(db: Executor, table: Jobs, open: readonly string[]): Promise<Waiting[]> {
  return db.execute<Waiting & Record<string, unknown>>(sql`
    with open as (
      select id, project_id, workspace_id, status, created_at,
        row_number() over (partition by project_id order by created_at, id) as in_project
      from ${table} where status in ${[...open]}
    ), placed as (
      select *, row_number() over (partition by workspace_id order by in_project, created_at, id) as place,
        row_number() over (partition by workspace_id, status = 'queued' order by in_project, created_at, id) as of_waiting
      from open
    ), turns as (
      select w.workspace_id, last.started_at as last_turn from (select distinct workspace_id from open) w
      left join lateral (
        select started_at from ${table} t where t.workspace_id = w.workspace_id and started_at is not null
        order by started_at desc limit 1) last on true
    )
    select id, project_id as "projectId", workspace_id as "workspaceId",
      row_number() over (order by place, of_waiting, last_turn nulls first, created_at, id)::int - 1 as ahead
    from placed join turns using (workspace_id) where status = 'queued' order by ahead limit ${mostWaiting}`);
}

/** Whether a job still waits; no other transaction can change it before this one ends. */
const lockWaitingIn =
  (table: Jobs) =>
  async (tx: Executor, id: string): Promise<boolean> => {
    const rows = await tx.execute(
      sql`select id from ${table} where id = ${id} and status = 'queued' for update`,
    );
    return rows.length > 0;
  };

export const lockWaitingFineTune = lockWaitingIn(fineTunes);
export const lockWaitingImport = lockWaitingIn(imports);
export const lockWaitingPreview = lockWaitingIn(fineTunePreviews);
export const lockWaitingAutoLabel = lockWaitingIn(autoLabels);

/** Those of the given jobs that are still wanted: not cancelled, and not deleted with their project. */
const wantedIn =
  (table: Jobs) =>
  async (db: Executor, ids: readonly string[]): Promise<string[]> => {
    if (ids.length === 0) return [];
    const rows = await db.execute<{ id: string }>(
      sql`select id from ${table} where id in ${[...ids]} and status <> 'cancelled'`,
    );
    return rows.map((row) => row.id);
  };

export const wantedFineTunes = wantedIn(fineTunes);
export const wantedImports = wantedIn(imports);
export const wantedPreviews = wantedIn(fineTunePreviews);
export const wantedAutoLabels = wantedIn(autoLabels);

/**
 * How many trainers there is work for: projects with a fine-tune, an import, a preview or an auto-label that has not ended, because one of
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
      union all
      select project_id from ${autoLabels} where status in ${[...openAutoLabel]}
    ) as open`);
  return row?.n ?? 0;
}
