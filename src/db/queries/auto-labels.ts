import { and, desc, eq, inArray, sql } from "../drizzle.ts";
import { openAutoLabel } from "../../domain/job-states.ts";
import { AppError } from "../../lib/errors.ts";
import type { Executor } from "../client.ts";
import { autoLabels } from "../schema/index.ts";
import { behind, cut, type Page, type PageRequest } from "./page.ts";
import { inProject, type ProjectScope } from "./scope.ts";

export type AutoLabel = typeof autoLabels.$inferSelect;

/**
 * The insert is the event: a trigger tells the workers.
 * Throws AppError auto_label_running where one of the project has yet to end.
 */
export async function insertAutoLabel(
  db: Executor,
  row: Pick<
    AutoLabel,
    "id" | "workspaceId" | "projectId" | "version" | "threshold" | "maxObjects" | "labels"
  >,
): Promise<AutoLabel> {
  const [inserted] = await db.insert(autoLabels).values(row).onConflictDoNothing().returning();
  if (inserted) return inserted;
  throw new AppError(
    "auto_label_running",
    "An auto-label of this project has yet to end. Wait for it, or cancel it.",
  );
}

const notFound = (id: string): AppError =>
  new AppError("auto_label_not_found", `There is no auto-label ${id} in this project.`, {
    param: "auto_label_id",
  });

/** Throws AppError auto_label_not_found. */
export async function getAutoLabel(db: Executor, scope: ProjectScope, id: string): Promise<AutoLabel> {
  const [row] = await db
    .select()
    .from(autoLabels)
    .where(and(inProject(autoLabels, scope), eq(autoLabels.id, id)));
  if (!row) throw notFound(id);
  return row;
}

/** Newest first. */
export async function listAutoLabels(
  db: Executor,
  scope: ProjectScope,
  page: PageRequest,
): Promise<Page<AutoLabel>> {
  const rows = await db
    .select()
    .from(autoLabels)
    .where(and(inProject(autoLabels, scope), behind(autoLabels, page.after)))
    .orderBy(desc(autoLabels.createdAt), desc(autoLabels.id))
    .limit(page.limit + 1);
  return cut(rows, page.limit);
}

/**
 * Ends an auto-label that is open; voids the lease of whoever works at it. What it has found stays, and one that was
 * cancelled stays as it is. Throws AppError auto_label_not_found, auto_label_finished.
 */
export async function cancelAutoLabel(db: Executor, scope: ProjectScope, id: string): Promise<AutoLabel> {
  const [row] = await db
    .update(autoLabels)
    .set({ status: "cancelled", leaseToken: null, etaSeconds: null, finishedAt: sql`now()` })
    .where(
      and(
        inProject(autoLabels, scope),
        eq(autoLabels.id, id),
        inArray(autoLabels.status, [...openAutoLabel]),
      ),
    )
    .returning();
  if (row) return row;
  const ended = await getAutoLabel(db, scope, id);
  if (ended.status === "cancelled") return ended;
  throw new AppError("auto_label_finished", `The auto-label has ${ended.status} already.`, {
    param: "auto_label_id",
  });
}

export const autoLabelHasEnded = ({ status }: Pick<AutoLabel, "status">): boolean =>
  !(openAutoLabel as readonly string[]).includes(status);
