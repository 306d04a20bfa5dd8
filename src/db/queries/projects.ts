import { and, desc, eq, sql } from "../drizzle.ts";
import { AppError } from "../../lib/errors.ts";
import type { Executor } from "../client.ts";
import { projects } from "../schema/index.ts";
import { behind, cut, type Page, type PageRequest } from "./page.ts";
import type { ProjectScope } from "./scope.ts";

export type Project = typeof projects.$inferSelect;

type Setting = "promotionPolicy" | "fineTuneAfterCorrections" | "predictionRetentionDays";
export type ProjectChange = { [Name in "name" | Setting]?: Project[Name] | undefined };

const inScope = (scope: ProjectScope) =>
  and(eq(projects.workspaceId, scope.workspaceId), eq(projects.id, scope.projectId));

export const projectNotFound = (id: string): AppError =>
  new AppError("project_not_found", `There is no project ${id}; GET /v1/projects lists those of this key.`, {
    param: "project_id",
  });

export async function insertProject(
  db: Executor,
  row: Pick<Project, "id" | "workspaceId" | "name" | "baseModel"> &
    Partial<Pick<Project, Setting | "baseChoice">>,
): Promise<Project> {
  const [project] = await db.insert(projects).values(row).returning();
  return project as Project;
}

/** Throws AppError project_not_found, also when the project is another workspace's. */
export async function getProject(db: Executor, scope: ProjectScope): Promise<Project> {
  const [project] = await db.select().from(projects).where(inScope(scope));
  if (!project) throw projectNotFound(scope.projectId);
  return project;
}

/** The same, holding the row's write lock until the transaction ends. */
export async function lockProject(db: Executor, scope: ProjectScope): Promise<Project> {
  const [project] = await db.select().from(projects).where(inScope(scope)).for("update");
  if (!project) throw projectNotFound(scope.projectId);
  return project;
}

/** The same, and the project can't be deleted until the transaction ends: for whoever adds something to it. */
export async function holdProject(db: Executor, scope: ProjectScope): Promise<Project> {
  const [project] = await db.select().from(projects).where(inScope(scope)).for("key share");
  if (!project) throw projectNotFound(scope.projectId);
  return project;
}

export async function listProjects(
  db: Executor,
  workspaceId: string,
  page: PageRequest,
): Promise<Page<Project>> {
  const rows = await db
    .select()
    .from(projects)
    .where(and(eq(projects.workspaceId, workspaceId), behind(projects, page.after)))
    .orderBy(desc(projects.createdAt), desc(projects.id))
    .limit(page.limit + 1);
  return cut(rows, page.limit);
}

/** What is left out stays as it is. */
export async function changeProject(
  db: Executor,
  scope: ProjectScope,
  change: ProjectChange,
): Promise<Project> {
  const [project] = await db
    .update(projects)
    .set({ ...change, updatedAt: sql`now()` })
    .where(inScope(scope))
    .returning();
  if (!project) throw projectNotFound(scope.projectId);
  return project;
}

/** Everything that belongs to the project goes with it; its objects are the caller's to remove. */
export async function deleteProject(db: Executor, scope: ProjectScope): Promise<void> {
  const [project] = await db.delete(projects).where(inScope(scope)).returning({ id: projects.id });
  if (!project) throw projectNotFound(scope.projectId);
}
