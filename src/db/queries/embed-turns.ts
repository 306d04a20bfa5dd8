import { sql } from "../drizzle.ts";
import type { Executor } from "../client.ts";

/**
 * Where a workspace's next embedding stands in line, 0 for the first: behind its own that wait, and never before one that
 * is next now, so that who comes late neither waits for all of another's nor goes ahead of them all. Null where the
 * project is gone.
 */
export async function nextEmbedTurn(
  db: Executor,
  projectId: string,
): Promise<{ workspaceId: string; first: number } | null> {
  const [row] = await db.execute<{ workspaceId: string; first: number }>(sql`
    select p.workspace_id as "workspaceId", greatest(line.head, line.tail + 1, 0)::int as first
    from projects p cross join lateral (
      select -max(priority) as head, -min(priority) filter (where data ->> 'workspaceId' = p.workspace_id) as tail
      from pgboss.job where name = 'embed' and state in ('created', 'retry', 'active')) line
    where p.id = ${projectId}`);
  return row ?? null;
}
