import type { Database } from "../../src/db/client.ts";
import { insertProject } from "../../src/db/queries/projects.ts";
import type { ProjectScope } from "../../src/db/queries/scope.ts";
import { fineTunes, workspaces } from "../../src/db/schema/index.ts";
import { newId } from "../../src/lib/ids.ts";

/** A new project, in a new workspace unless one is given (whose embeddings it then shares). */
export async function newProject(
  db: Database,
  workspaceId = newId("ws"),
  baseModel = "mobile_sam",
): Promise<ProjectScope> {
  const scope = { workspaceId, projectId: newId("prj") };
  await db.insert(workspaces).values({ id: workspaceId, name: "test" }).onConflictDoNothing();
  await insertProject(db, {
    id: scope.projectId,
    workspaceId: scope.workspaceId,
    name: "test",
    baseModel,
  });
  return scope;
}

/** A queued fine-tune; its id. */
export async function newFineTune(
  db: Database,
  scope: ProjectScope,
  options: { hyperparameters?: Record<string, unknown>; seed?: number; baseVersion?: number } = {},
): Promise<string> {
  const id = newId("ft");
  await db.insert(fineTunes).values({ ...scope, id, ...options });
  return id;
}
