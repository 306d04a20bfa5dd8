import { and, asc, desc, eq, lt, sql } from "../drizzle.ts";
import { AppError } from "../../lib/errors.ts";
import type { Database, Executor } from "../client.ts";
import { projects, promotions } from "../schema/index.ts";
import { cut, type Page } from "./page.ts";
import { lockProject } from "./projects.ts";
import { inProject, type ProjectScope } from "./scope.ts";
import { getVersion, type Version } from "./versions.ts";

export type Promotion = typeof promotions.$inferSelect;

export interface Change {
  readonly kind: Promotion["kind"];
  /** Null is the base. */
  readonly toVersion: number | null;
  /** A key's id, or the fine-tune's. */
  readonly actor: string;
  readonly reason: string;
}

/**
 * Makes a version live and writes the audit row, both inside the caller's transaction, under the project's lock.
 * Throws AppError project_not_found, version_not_found, version_already_active.
 */
export async function setActiveVersion(
  tx: Executor,
  scope: ProjectScope,
  change: Change,
): Promise<Promotion> {
  const project = await lockProject(tx, scope);
  if (change.toVersion !== null) await getVersion(tx, scope, change.toVersion);
  if (project.activeVersion === change.toVersion) {
    const name = change.toVersion === null ? "The base" : `Version ${change.toVersion}`;
    throw new AppError("version_already_active", `${name} is the active version already.`, {
      param: "version",
    });
  }
  await tx
    .update(projects)
    .set({ activeVersion: change.toVersion, updatedAt: sql`now()` })
    .where(and(eq(projects.workspaceId, scope.workspaceId), eq(projects.id, scope.projectId)));
  const [row] = await tx
    .insert(promotions)
    .values({ ...scope, ...change, fromVersion: project.activeVersion })
    .returning();
  return row as Promotion;
}

/**
 * The versions that were live one after the other, the base first and the live one last. A rollback takes the last
 * one away, so that repeated rollbacks walk back through time instead of toggling between two.
 */
export function liveHistory(trail: readonly Pick<Promotion, "kind" | "toVersion">[]): (number | null)[] {
  const live: (number | null)[] = [null];
  for (const change of trail) {
    if (change.kind === "rollback") live.pop();
    else live.push(change.toVersion);
  }
  return live;
}

/**
 * Back to what was live before the current version, unless `usable` throws of it. Throws AppError nothing_to_roll_back.
 */
export async function rollBack(
  db: Database,
  scope: ProjectScope,
  by: { actor: string; reason: string },
  usable: (version: Version) => Promise<void>,
): Promise<Promotion> {
  return db.transaction(async (tx) => {
    await lockProject(tx, scope);
    const trail = await tx
      .select({ kind: promotions.kind, toVersion: promotions.toVersion })
      .from(promotions)
      .where(inProject(promotions, scope))
      .orderBy(asc(promotions.id));
    const before = liveHistory(trail).at(-2);
    if (before === undefined) {
      throw new AppError("nothing_to_roll_back", "The base is live, and nothing was live before it.");
    }
    if (before !== null) await usable(await getVersion(tx, scope, before));
    return setActiveVersion(tx, scope, { kind: "rollback", toVersion: before, ...by });
  });
}

/** Newest first; `below` is the last id of the page before. */
export async function listPromotions(
  db: Executor,
  scope: ProjectScope,
  page: { limit: number; below?: number | undefined },
): Promise<Page<Promotion>> {
  const rows = await db
    .select()
    .from(promotions)
    .where(
      and(inProject(promotions, scope), page.below === undefined ? undefined : lt(promotions.id, page.below)),
    )
    .orderBy(desc(promotions.id))
    .limit(page.limit + 1);
  return cut(rows, page.limit);
}
