import { and, eq, gt, isNotNull, isNull, or, sql } from "../drizzle.ts";
import { AppError } from "../../lib/errors.ts";
import type { Executor } from "../client.ts";
import { uploads } from "../schema/index.ts";
import { inProject, type ProjectScope } from "./scope.ts";

export type Upload = typeof uploads.$inferSelect;

const inScope = (scope: ProjectScope, id: string) => and(inProject(uploads, scope), eq(uploads.id, id));

const notFound = (id: string): AppError =>
  new AppError("upload_not_found", `There is no upload ${id} in this project, or its time is over.`, {
    param: "upload_id",
  });

/** @param seconds after which it may no longer be completed. */
export async function insertUpload(
  db: Executor,
  { seconds, ...row }: Omit<typeof uploads.$inferInsert, "createdAt" | "expiresAt"> & { seconds: number },
): Promise<Upload> {
  const [inserted] = await db
    .insert(uploads)
    .values({ ...row, expiresAt: sql`now() + ${seconds} * interval '1 second'` })
    .returning();
  return inserted as Upload;
}

/** Throws AppError upload_not_found, also once its time is over; a completed one stays. */
export async function getUpload(db: Executor, scope: ProjectScope, id: string): Promise<Upload> {
  const [row] = await db
    .select()
    .from(uploads)
    .where(and(inScope(scope, id), or(isNotNull(uploads.completedAt), gt(uploads.expiresAt, sql`now()`))));
  if (!row) throw notFound(id);
  return row;
}

/** Notes what it became; null when someone else was first. */
export async function completeUpload(
  db: Executor,
  scope: ProjectScope,
  id: string,
  became: { imageId: string } | { importId: string },
): Promise<Upload | null> {
  const [row] = await db
    .update(uploads)
    .set({ ...became, completedAt: sql`now()` })
    .where(and(inScope(scope, id), isNull(uploads.completedAt)))
    .returning();
  return row ?? null;
}

/** Whether the upload whose object has this key can still be completed. */
export async function isPendingUpload(db: Executor, objectKey: string): Promise<boolean> {
  const id = objectKey.slice(objectKey.lastIndexOf("/") + 1);
  const rows = await db
    .select({ id: uploads.id })
    .from(uploads)
    .where(and(eq(uploads.id, id), eq(uploads.objectKey, objectKey), isNull(uploads.completedAt)));
  return rows.length > 0;
}

/** A link lasts as long as its upload; one that is just being used may take a while longer. */
const linkIsOver = sql`expires_at < now() - interval '1 hour'`;

/** Forgets the workspace's uploads that were never completed; their objects' keys. */
export async function deleteStaleUploads(db: Executor, workspaceId: string): Promise<string[]> {
  const rows = await db
    .delete(uploads)
    .where(and(eq(uploads.workspaceId, workspaceId), isNull(uploads.completedAt), linkIsOver))
    .returning({ objectKey: uploads.objectKey });
  return rows.map(({ objectKey }) => objectKey);
}

/**
 * Keys of objects that links may have left, of at most `limit` uploads of all workspaces, each told once: of uploads that
 * were never completed, which are forgotten, and of those whose link was used again after they were.
 */
export async function sweepUploads(db: Executor, limit: number): Promise<string[]> {
  const rows = await db.execute<{ key: string }>(sql`
    with over as (
      select id, completed_at from uploads
      where swept_at is null and ${linkIsOver} and not exists (
        select from imports where imports.id = uploads.import_id and imports.status in ('queued', 'running'))
      order by expires_at limit ${limit} for update skip locked
    ), forgotten as (
      delete from uploads using over where uploads.id = over.id and over.completed_at is null
      returning uploads.object_key
    ), swept as (
      update uploads set swept_at = now() from over where uploads.id = over.id and over.completed_at is not null
      returning uploads.object_key
    )
    select object_key as key from forgotten union all select object_key from swept`);
  return rows.map(({ key }) => key);
}
