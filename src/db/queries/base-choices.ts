import { eq, sql } from "../drizzle.ts";
import type { Database, Executor } from "../client.ts";
import type { BaseChoice } from "../../domain/base-choice.ts";
import { projects } from "../schema/index.ts";
import { fineTuneLeases, type Lease } from "./leases.ts";
import { lockProject, type Project } from "./projects.ts";
import type { ProjectScope } from "./scope.ts";

/**
 * Gives a project the base model that its fine-tune has chosen, where the choice is still open and the lease holds, and
 * gives back the project as it is then; null where the lease is void. Throws AppError project_not_found.
 */
export async function settleBaseChoice(
  db: Database,
  { scope, lease }: { scope: ProjectScope; lease: Lease },
  { baseModel, baseChoice }: { baseModel: string; baseChoice: BaseChoice },
): Promise<Project | null> {
  return db.transaction(async (tx) => {
    const project = await lockProject(tx, scope);
    if (!(await fineTuneLeases.lock(tx, lease))) return null;
    if (project.baseChoice?.fineTuneId !== null) return project;
    const [settled] = await tx
      .update(projects)
      .set({ baseModel, baseChoice, updatedAt: sql`now()` })
      .where(eq(projects.id, scope.projectId))
      .returning();
    return settled as Project;
  });
}

/** Ends an open choice with the base that the project has, for whatever is bound to that one; the caller holds its lock. */
export async function closeBaseChoice(tx: Executor, { id, baseChoice }: Project): Promise<void> {
  if (baseChoice?.fineTuneId !== null) return;
  await tx
    .update(projects)
    .set({ baseChoice: null, updatedAt: sql`now()` })
    .where(eq(projects.id, id));
}
