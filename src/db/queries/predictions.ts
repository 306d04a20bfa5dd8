import { and, desc, eq, sql } from "drizzle-orm";
import { AppError } from "../../lib/errors.ts";
import type { Executor } from "../client.ts";
import { predictions } from "../schema/index.ts";
import { behind, cut, type Page, type PageRequest } from "./page.ts";
import { inProject, type ProjectScope } from "./scope.ts";

export type Prediction = typeof predictions.$inferSelect;

/** Notes what was asked, how large it was and how long it took; neither image nor answered masks. */
export async function insertPrediction(
  db: Executor,
  row: Omit<typeof predictions.$inferInsert, "createdAt">,
): Promise<void> {
  await db.insert(predictions).values(row);
}

/** Throws AppError prediction_not_found, also when its retention is over. `param` names it in the request. */
export async function getPrediction(
  db: Executor,
  scope: ProjectScope,
  id: string,
  param = "prediction_id",
): Promise<Prediction> {
  const [row] = await db
    .select()
    .from(predictions)
    .where(and(inProject(predictions, scope), eq(predictions.id, id)));
  if (!row) {
    const message = `There is no prediction ${id} in this project's log, or it is no longer kept.`;
    throw new AppError("prediction_not_found", message, { param });
  }
  return row;
}

export async function listPredictions(
  db: Executor,
  scope: ProjectScope,
  page: PageRequest,
): Promise<Page<Prediction>> {
  const rows = await db
    .select()
    .from(predictions)
    .where(and(inProject(predictions, scope), behind(predictions, page.after)))
    .orderBy(desc(predictions.createdAt), desc(predictions.id))
    .limit(page.limit + 1);
  return cut(rows, page.limit);
}

/**
 * Removes up to `limit` predictions that are older than their project keeps them. Gives back whose images they were of,
 * so that embeddings that nobody refers to any more can go too.
 */
export async function deleteExpiredPredictions(
  db: Executor,
  limit: number,
): Promise<{ workspaceId: string; imageSha256: string }[]> {
  return db.execute<{ workspaceId: string; imageSha256: string }>(sql`
    delete from predictions where id in (
      select p.id from predictions p join projects j on j.id = p.project_id
      where p.created_at <= now() - make_interval(days => j.prediction_retention_days)
      order by p.created_at limit ${limit})
    returning workspace_id as "workspaceId", image_sha256 as "imageSha256"`);
}

/** Whether the workspace's log still names an image of these bytes. */
export async function isInLog(db: Executor, workspaceId: string, imageSha256: string): Promise<boolean> {
  const [row] = await db
    .select({ id: predictions.id })
    .from(predictions)
    .where(and(eq(predictions.workspaceId, workspaceId), eq(predictions.imageSha256, imageSha256)))
    .limit(1);
  return row !== undefined;
}
