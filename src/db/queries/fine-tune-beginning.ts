import { and, desc, eq, inArray, lt, sql } from "../drizzle.ts";
import { AppError } from "../../lib/errors.ts";
import type { Database, Executor } from "../client.ts";
import { fineTunes, images, projects, promotions, versions, workspaces } from "../schema/index.ts";
import type { FineTune } from "./fine-tunes.ts";
import { getProject, type Project } from "./projects.ts";
import { inProject, type ProjectScope } from "./scope.ts";
import type { Version } from "./versions.ts";

/** Rows of one insert: Postgres takes 65,535 parameters. */
const together = 500;

/** What a fine-tune began from, as far as rows tell: all of one project. */
export interface Beginning {
  readonly workspace: typeof workspaces.$inferSelect;
  /** With the version that was live when the fine-tune was begun. */
  readonly project: Project;
  /** As it was queued, with the data that its first attempt has frozen. */
  readonly fineTune: FineTune;
  /** The version that it started from, and the one that was live. */
  readonly versions: readonly Version[];
  /** The fine-tunes that made those. */
  readonly makers: readonly FineTune[];
}

/** Whose a project is, for whoever runs the installation. Throws AppError project_not_found. */
export async function scopeOfProject(db: Executor, projectId: string): Promise<ProjectScope> {
  const [row] = await db
    .select({ workspaceId: projects.workspaceId })
    .from(projects)
    .where(eq(projects.id, projectId));
  if (row) return { workspaceId: row.workspaceId, projectId };
  throw new AppError("project_not_found", `There is no project ${projectId}.`);
}

/** Reads what a fine-tune that has ended began from; the images are the caller's to name. */
export async function selectBeginning(
  db: Executor,
  scope: ProjectScope,
  ended: FineTune,
): Promise<Beginning> {
  const project = await getProject(db, scope);
  const [workspace] = await db.select().from(workspaces).where(eq(workspaces.id, scope.workspaceId));
  if (!workspace) throw new Error(`there is no workspace ${scope.workspaceId}`);
  const live = await liveAt(db, scope, ended.startedAt ?? ended.createdAt);
  const numbers = [live, ended.baseVersion].filter((number) => number !== null);
  const found =
    numbers.length === 0
      ? []
      : await db
          .select()
          .from(versions)
          .where(and(inProject(versions, scope), inArray(versions.number, numbers)));
  const ids = found.flatMap(({ fineTuneId }) => fineTuneId ?? []);
  const makers =
    ids.length === 0
      ? []
      : await db
          .select()
          .from(fineTunes)
          .where(and(inProject(fineTunes, scope), inArray(fineTunes.id, ids)));
  return {
    workspace,
    project: { ...project, activeVersion: live },
    fineTune: asQueued(ended),
    versions: found,
    makers,
  };
}

/** The version that was live at a time; null is the base. */
async function liveAt(db: Executor, scope: ProjectScope, at: Date): Promise<number | null> {
  const [last] = await db
    .select({ toVersion: promotions.toVersion })
    .from(promotions)
    .where(and(inProject(promotions, scope), lt(promotions.createdAt, at)))
    .orderBy(desc(promotions.id))
    .limit(1);
  return last?.toVersion ?? null;
}

const asQueued = (ended: FineTune): FineTune => ({
  ...ended,
  status: "queued",
  progress: null,
  engine: null,
  chosen: null,
  resultVersion: null,
  error: null,
  leaseHolder: null,
  leaseToken: null,
  checkpointKey: null,
  attempt: 0,
  doing: null,
  startedAt: null,
  finishedAt: null,
});

/** Writes it into a database that has none of these rows; no trigger runs. */
export async function insertBeginning(
  db: Database,
  beginning: Beginning,
  pictures: readonly (typeof images.$inferSelect)[],
): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.execute(sql`set local session_replication_role = replica`);
    await tx.insert(workspaces).values(beginning.workspace);
    await tx.insert(projects).values(beginning.project);
    await tx.insert(fineTunes).values([beginning.fineTune, ...beginning.makers]);
    if (beginning.versions.length > 0) await tx.insert(versions).values([...beginning.versions]);
    for (let at = 0; at < pictures.length; at += together)
      await tx.insert(images).values(pictures.slice(at, at + together));
  });
}

/** Those of a project's images that are still there, in no order. */
export async function selectImagesById(
  db: Executor,
  scope: ProjectScope,
  ids: readonly string[],
): Promise<(typeof images.$inferSelect)[]> {
  const rows: (typeof images.$inferSelect)[] = [];
  for (let at = 0; at < ids.length; at += together)
    rows.push(
      ...(await db
        .select()
        .from(images)
        .where(and(inProject(images, scope), inArray(images.id, ids.slice(at, at + together))))),
    );
  return rows;
}
