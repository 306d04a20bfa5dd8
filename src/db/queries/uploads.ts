import { and, eq, gt, isNotNull, isNull, lt, or, sql } from "drizzle-orm";
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

/** Forgets the workspace's uploads that were never completed; their objects' keys. */
export async function deleteStaleUploads(db: Executor, workspaceId: string): Promise<string[]> {
  const rows = await db
    .delete(uploads)
    .where(
      and(
        eq(uploads.workspaceId, workspaceId),
        isNull(uploads.completedAt),
        // A link lasts as long as its upload; one that is just being used may take a while longer.
        lt(uploads.expiresAt, sql`now() - interval '1 hour'`),
      ),
    )
    .returning({ objectKey: uploads.objectKey });
  return rows.map(({ objectKey }) => objectKey);
}
