import { sql } from "../db/drizzle.ts";
import type { Database } from "../db/client.ts";
import { AppError } from "../lib/errors.ts";
import { deleteBelow } from "../storage/delete-below.ts";
import { keys } from "../storage/keys.ts";
import type { ObjectStore } from "../storage/store.ts";

/**
 * Removes a workspace with everything that was ever made in it: its rows, its keys, its jobs in the queue, and its
 * objects. Its jobs that run are told to stop within two seconds, and what they still write they clear away themselves;
 * run it again, or collectGarbage, to be sure of a trainer that was killed meanwhile. What remains is what backups hold,
 * until they are over. Throws AppError project_not_found for a workspace that is not there.
 */
export async function deleteWorkspace(
  { db, store }: { db: Database; store: ObjectStore },
  workspaceId: string,
): Promise<{ projects: number }> {
  const projects = await db.transaction(async (tx) => {
    const [workspace] = await tx.execute(sql`select id from workspaces where id = ${workspaceId} for update`);
    if (!workspace) throw new AppError("project_not_found", `There is no workspace ${workspaceId}.`);
    const rows = await tx.execute<{ id: string }>(
      sql`select id from projects where workspace_id = ${workspaceId} for update`,
    );
    const ids = rows.map((row) => row.id);
    const [queue] = await tx.execute<{ there: boolean }>(
      sql`select to_regclass('pgboss.job') is not null as there`,
    );
    if (queue?.there && ids.length > 0)
      await tx.execute(sql`delete from pgboss.job where data ->> 'projectId' in ${ids}`);
    // Every other table hangs below it.
    await tx.execute(sql`delete from workspaces where id = ${workspaceId}`);
    return ids;
  });
  for (const id of projects) await deleteBelow(store, keys.projectPrefix(id));
  await deleteBelow(store, keys.workspacePrefix(workspaceId));
  return { projects: projects.length };
}
