import { and, desc, eq, type SQL, sql } from "../drizzle.ts";
import { AppError } from "../../lib/errors.ts";
import type { Executor } from "../client.ts";
import { predictions } from "../schema/index.ts";
import { behind, cut, type Page, type PageRequest } from "./page.ts";
import { inProject, type ProjectScope } from "./scope.ts";

export type Prediction = typeof predictions.$inferSelect;

type NewPrediction = Omit<typeof predictions.$inferInsert, "createdAt">;

/** Notes what was asked, how large it was and how long it took, once it is answered; neither image nor answered masks. */
export async function insertPrediction(db: Executor, row: NewPrediction): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.insert(predictions).values(row);
    await countPredictions(tx, sql`select ${row.workspaceId}::text as workspace_id`);
  });
}

/** What is known of a prediction before it is made. */
export type BegunPrediction = Required<
  Pick<NewPrediction, "width" | "height" | "versions" | "request" | "requestBytes" | "actor">
> &
  Pick<NewPrediction, "id" | "workspaceId" | "projectId" | "imageSha256" | "prompts">;

/** The rest of it. */
export interface FinishedPrediction {
  readonly id: string;
  readonly masks: number;
  readonly answerBytes: number;
  readonly embeddingFrom: string;
  readonly timingMs: Record<string, number>;
}

/**
 * Notes what is asked, before it is answered: a row without masks. False, and no row, where the project has no image
 * `imageId` (any more); null asks for none.
 */
export async function beginPrediction(
  db: Executor,
  row: BegunPrediction,
  imageId: string | null,
): Promise<boolean> {
  const { workspaceId, projectId } = row;
  const rows = await db.execute(sql`
    insert into predictions (id, workspace_id, project_id, image_sha256, width, height, versions, prompts, request,
      request_bytes, timing_ms, actor)
    select ${row.id}::text, ${workspaceId}::text, ${projectId}::text, ${row.imageSha256}::text, ${row.width}::int,
      ${row.height}::int, ${JSON.stringify(row.versions)}::jsonb, ${row.prompts}::int,
      ${JSON.stringify(row.request)}::jsonb, ${row.requestBytes}::int, '{}', ${row.actor}::text
    where ${imageId}::text is null or exists (select from images
      where id = ${imageId}::text and project_id = ${projectId}::text and workspace_id = ${workspaceId}::text)
    returning id`);
  return rows.length > 0;
}

/** Completes begun predictions and counts them as used, each once, however often it is told. */
export async function finishPredictions(
  db: Executor,
  finished: readonly FinishedPrediction[],
): Promise<void> {
  const done = sql`jsonb_to_recordset(${JSON.stringify(finished)}::jsonb)
    as d (id text, masks int, "answerBytes" int, "embeddingFrom" text, "timingMs" jsonb)`;
  await countPredictions(
    db,
    sql`update predictions p set masks = d.masks, answer_bytes = d."answerBytes", embedding_from = d."embeddingFrom",
      timing_ms = d."timingMs" from ${done} where p.id = d.id and p.masks is null returning p.workspace_id`,
  );
}

/** Adds the rows of a statement, each with its workspace_id, to this month's predictions of that workspace. */
async function countPredictions(db: Executor, rows: SQL): Promise<void> {
  // In the order of their ids, so that two processes that count for the same workspaces don't wait for each other.
  await db.execute(sql`
    with counted as (${rows}),
    theirs as (
      select id from workspaces where id in (select workspace_id from counted) order by id for key share)
    insert into monthly_usage (workspace_id, month, predictions)
    select t.id, date_trunc('month', now() at time zone 'utc')::date, count(*)
    from theirs t join counted on counted.workspace_id = t.id group by t.id order by t.id
    on conflict (workspace_id, month) do update set predictions = monthly_usage.predictions + excluded.predictions`);
}

/** Removes predictions that were begun and never answered. */
export async function dropPredictions(db: Executor, ids: readonly string[]): Promise<void> {
  await db.execute(sql`
    delete from predictions
    where masks is null and id in (select jsonb_array_elements_text(${JSON.stringify(ids)}::jsonb))`);
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
