import { and, desc, eq, inArray, sql } from "../drizzle.ts";
import { AppError } from "../../lib/errors.ts";
import type { Executor } from "../client.ts";
import { fineTunePreviews } from "../schema/index.ts";
import { openPreview } from "../../domain/job-states.ts";
import { behind, cut, type Page, type PageRequest } from "./page.ts";
import { inProject, type ProjectScope } from "./scope.ts";

export type Preview = typeof fineTunePreviews.$inferSelect;

/** The insert is the event: a trigger tells the workers. */
export async function insertPreview(
  db: Executor,
  row: Pick<Preview, "id" | "workspaceId" | "projectId" | "seed">,
): Promise<Preview> {
  const [inserted] = await db.insert(fineTunePreviews).values(row).returning();
  return inserted as Preview;
}

const notFound = (id: string): AppError =>
  new AppError("preview_not_found", `There is no preview ${id} in this project.`, { param: "preview_id" });

/** Throws AppError preview_not_found. */
export async function getPreview(db: Executor, scope: ProjectScope, id: string): Promise<Preview> {
  const [row] = await db
    .select()
    .from(fineTunePreviews)
    .where(and(inProject(fineTunePreviews, scope), eq(fineTunePreviews.id, id)));
  if (!row) throw notFound(id);
  return row;
}

/** Newest first. */
export async function listPreviews(
  db: Executor,
  scope: ProjectScope,
  page: PageRequest,
): Promise<Page<Preview>> {
  const rows = await db
    .select()
    .from(fineTunePreviews)
    .where(and(inProject(fineTunePreviews, scope), behind(fineTunePreviews, page.after)))
    .orderBy(desc(fineTunePreviews.createdAt), desc(fineTunePreviews.id))
    .limit(page.limit + 1);
  return cut(rows, page.limit);
}

/**
 * Ends a preview that is open; voids the lease of whoever works at it. One that was cancelled stays as it is.
 * Throws AppError preview_not_found, preview_finished.
 */
export async function cancelPreview(db: Executor, scope: ProjectScope, id: string): Promise<Preview> {
  const [row] = await db
    .update(fineTunePreviews)
    .set({ status: "cancelled", leaseToken: null, finishedAt: sql`now()` })
    .where(
      and(
        inProject(fineTunePreviews, scope),
        eq(fineTunePreviews.id, id),
        inArray(fineTunePreviews.status, [...openPreview]),
      ),
    )
    .returning();
  if (row) return row;
  const ended = await getPreview(db, scope, id);
  if (ended.status === "cancelled") return ended;
  throw new AppError("preview_finished", `The preview has ${ended.status} already.`, { param: "preview_id" });
}

export const hasEnded = ({ status }: Pick<Preview, "status">): boolean =>
  !(openPreview as readonly string[]).includes(status);
