import { and, desc, eq, inArray, notInArray, sql } from "../drizzle.ts";
import { AppError } from "../../lib/errors.ts";
import { traceParent } from "../../lib/trace.ts";
import type { Database, Executor } from "../client.ts";
import { fineTuneEvents, fineTunes, versions } from "../schema/index.ts";
import { type FineTuneStatus, openFineTune } from "../../domain/job-states.ts";
import { behind, cut, type Page, type PageRequest } from "./page.ts";
import { inProject, type ProjectScope } from "./scope.ts";

export type FineTune = typeof fineTunes.$inferSelect;

/** True when nothing more will happen to the job. */
export const hasEnded = (status: FineTuneStatus): boolean => !openFineTune.some((open) => open === status);

const inScope = (scope: ProjectScope, id: string) => and(inProject(fineTunes, scope), eq(fineTunes.id, id));

const notFound = (id: string): AppError =>
  new AppError("fine_tune_not_found", `There is no fine-tune ${id} in this project.`, {
    param: "fine_tune_id",
  });

/** The insert is the event: a trigger tells the trainers. */
export async function insertFineTune(
  db: Executor,
  row: Pick<FineTune, "id" | "workspaceId" | "projectId" | "hyperparameters" | "baseVersion" | "seed">,
): Promise<FineTune> {
  const values = { ...row, traceParent: traceParent() };
  const [inserted] = await db.insert(fineTunes).values(values).returning();
  return inserted as FineTune;
}

/** Throws AppError fine_tune_not_found. */
export async function getFineTune(db: Executor, scope: ProjectScope, id: string): Promise<FineTune> {
  const [row] = await db.select().from(fineTunes).where(inScope(scope, id));
  if (!row) throw notFound(id);
  return row;
}

/** Until the transaction ends nobody else who holds them queues a fine-tune of this project. */
export async function holdFineTunes(tx: Executor, { projectId }: ProjectScope): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`fine-tunes ${projectId}`}, 0))`);
}

/** The project's fine-tune that was queued last and has not ended. */
export async function findOpenFineTune(db: Executor, scope: ProjectScope): Promise<FineTune | undefined> {
  const [row] = await db
    .select()
    .from(fineTunes)
    .where(and(inProject(fineTunes, scope), inArray(fineTunes.status, [...openFineTune])))
    .orderBy(desc(fineTunes.createdAt), desc(fineTunes.id))
    .limit(1);
  return row;
}

export async function listFineTunes(
  db: Executor,
  scope: ProjectScope,
  page: PageRequest,
): Promise<Page<FineTune>> {
  const rows = await db
    .select()
    .from(fineTunes)
    .where(and(inProject(fineTunes, scope), behind(fineTunes, page.after)))
    .orderBy(desc(fineTunes.createdAt), desc(fineTunes.id))
    .limit(page.limit + 1);
  return cut(rows, page.limit);
}

/**
 * Ends the job and voids its lease, so that whoever runs it can write nothing more. A job that was cancelled before
 * is returned as it is. Throws AppError fine_tune_not_found, fine_tune_finished.
 */
export async function cancelFineTune(
  db: Database,
  scope: ProjectScope,
  id: string,
  actor: string,
): Promise<FineTune> {
  return db.transaction(async (tx) => {
    const row = await lockRow(tx, scope, id);
    if (row.status === "cancelled") return row;
    requireOpen(row);
    await tellOf(tx, row, "Cancelled", actor);
    const [cancelled] = await tx
      .update(fineTunes)
      .set({ status: "cancelled", leaseToken: null, checkpointKey: null, finishedAt: sql`now()` })
      .where(inScope(scope, id))
      .returning();
    return cancelled as FineTune;
  });
}

/**
 * Asks training to end early and to keep its best epoch so far. A job that was asked before is returned as it is.
 * Throws AppError fine_tune_not_found, fine_tune_finished, or fine_tune_not_training while there is nothing to keep.
 */
export async function stopFineTune(
  db: Database,
  scope: ProjectScope,
  id: string,
  actor: string,
): Promise<FineTune> {
  return db.transaction(async (tx) => {
    const row = await lockRow(tx, scope, id);
    requireOpen(row);
    if (row.stopRequestedAt !== null) return row;
    const trains = row.status === "running" || row.status === "evaluating" || row.checkpointKey !== null;
    if (!trains) {
      throw new AppError(
        "fine_tune_not_training",
        `This fine-tune is ${row.status}; it has trained nothing yet that could be kept. Cancel it instead.`,
      );
    }
    await tellOf(tx, row, "Stop asked for", actor);
    const [asked] = await tx
      .update(fineTunes)
      .set({ stopRequestedAt: sql`now()` })
      .where(inScope(scope, id))
      .returning();
    return asked as FineTune;
  });
}

async function lockRow(tx: Executor, scope: ProjectScope, id: string): Promise<FineTune> {
  const [row] = await tx.select().from(fineTunes).where(inScope(scope, id)).for("update");
  if (!row) throw notFound(id);
  return row;
}

function requireOpen(row: FineTune): void {
  if (hasEnded(row.status))
    throw new AppError("fine_tune_finished", `This fine-tune ended before: it has ${row.status}.`);
}

/** Under the row's lock, so that ids of events go on growing in the order of commits. */
async function tellOf(tx: Executor, row: FineTune, message: string, actor: string): Promise<void> {
  await tx.insert(fineTuneEvents).values({
    workspaceId: row.workspaceId,
    fineTuneId: row.id,
    level: "warn",
    type: "message",
    message,
    data: { actor },
  });
}

/** How many jobs of the whole database stand in each open status; for the metrics page. */
export async function countOpenFineTunes(db: Executor): Promise<{ status: FineTuneStatus; n: number }[]> {
  return db
    .select({ status: fineTunes.status, n: sql<number>`count(*)::int` })
    .from(fineTunes)
    .where(inArray(fineTunes.status, [...openFineTune]))
    .groupBy(fineTunes.status);
}

/**
 * Null unless the job has ended; else where its objects lie, and the keys of those that its version names.
 * Until the transaction ends nobody can set it back.
 */
export async function lockEndedFineTune(
  tx: Executor,
  id: string,
): Promise<{ projectId: string; keys: string[] } | null> {
  const [row] = await tx
    .select({ projectId: fineTunes.projectId })
    .from(fineTunes)
    .where(and(eq(fineTunes.id, id), notInArray(fineTunes.status, [...openFineTune])))
    .for("share");
  if (!row) return null;
  const made = await tx
    .select({
      weightsKey: versions.weightsKey,
      finder: versions.finder,
      refit: versions.refit,
      metrics: versions.metrics,
    })
    .from(versions)
    .where(eq(versions.fineTuneId, id));
  const named = made.flatMap(({ weightsKey, finder, refit, metrics }) => [
    weightsKey,
    ...(refit ? [refit.twin.weightsKey] : []),
    ...(finder ? [finder.key] : []),
    ...(metrics?.pictures ?? []).map((picture) => picture.key),
  ]);
  return { projectId: row.projectId, keys: named };
}
