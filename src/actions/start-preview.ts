import { insertPreview, type Preview } from "../db/queries/previews.ts";
import { holdProject } from "../db/queries/projects.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
import { requireTrainingTime } from "../db/queries/usage.ts";
import { newId } from "../lib/ids.ts";
import type { ActionContext } from "./context.ts";
import { quotasOf } from "./quotas.ts";

/** Queues a look at a project's data before a fine-tune. Throws AppError project_not_found, quota_exceeded. */
export async function startPreview(
  { db, config }: ActionContext,
  scope: ProjectScope,
  seed: number,
): Promise<Preview> {
  return db.transaction(async (tx) => {
    await holdProject(tx, scope);
    await requireTrainingTime(tx, scope.workspaceId, quotasOf(config));
    return insertPreview(tx, { ...scope, id: newId("fpv"), seed });
  });
}
