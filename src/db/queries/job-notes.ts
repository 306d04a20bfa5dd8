import { sql } from "drizzle-orm";
import type { Executor } from "../client.ts";
import { fineTunePreviews, fineTunes, imports } from "../schema/index.ts";

const tables = { fine_tune: fineTunes, import: imports, preview: fineTunePreviews } as const;
export type NotedJob = keyof typeof tables;

/** Notes what a job is about, as "reading a.png", for whoever finds its process gone. False when the lease is lost. */
export async function noteDoing(
  db: Executor,
  kind: NotedJob,
  lease: { readonly id: string; readonly token: string },
  doing: string,
): Promise<boolean> {
  const rows = await db.execute(sql`
    update ${tables[kind]} set doing = ${doing} where id = ${lease.id} and lease_token = ${lease.token}::uuid
    returning id`);
  return rows.length > 0;
}

/** What was noted last; null when nothing was, or the row is gone. */
export async function selectDoing(db: Executor, kind: NotedJob, id: string): Promise<string | null> {
  const [row] = await db.execute<{ doing: string | null }>(
    sql`select doing from ${tables[kind]} where id = ${id}`,
  );
  return row?.doing ?? null;
}
