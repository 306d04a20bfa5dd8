import { sql } from "drizzle-orm";
import type { Executor } from "../client.ts";

/** A row whose job has not started yet. */
export interface Waiting {
  id: string;
  projectId: string;
  /** Unfinished rows of the same project that are older: who asks for much waits behind who asks for little. */
  ahead: number;
}

/** Every fine-tune that waits to be started, oldest first. */
export async function waitingFineTunes(db: Executor): Promise<Waiting[]> {
  return db.execute<Waiting & Record<string, unknown>>(sql`
    with open as (
      select id, project_id, status, created_at,
        row_number() over (partition by project_id order by created_at, id)::int - 1 as ahead
      from fine_tunes where status in ('queued', 'preparing', 'running', 'evaluating')
    )
    select id, project_id as "projectId", ahead from open where status = 'queued' order by created_at, id`);
}

/** Every import that waits to be started, oldest first. */
export async function waitingImports(db: Executor): Promise<Waiting[]> {
  return db.execute<Waiting & Record<string, unknown>>(sql`
    with open as (
      select id, project_id, status, created_at,
        row_number() over (partition by project_id order by created_at, id)::int - 1 as ahead
      from imports where status in ('queued', 'running')
    )
    select id, project_id as "projectId", ahead from open where status = 'queued' order by created_at, id`);
}

/** Those of the given fine-tunes that have been cancelled. */
export async function cancelledFineTunes(db: Executor, ids: string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const list = sql.join(
    ids.map((id) => sql`${id}`),
    sql`, `,
  );
  const rows = await db.execute<{ id: string }>(
    sql`select id from fine_tunes where status = 'cancelled' and id in (${list})`,
  );
  return rows.map((row) => row.id);
}
