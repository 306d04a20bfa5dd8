import { type Import, insertImport } from "../db/queries/imports.ts";
import { holdProject } from "../db/queries/projects.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
import type { ImportOptions } from "../domain/data-import.ts";
import { newId } from "../lib/ids.ts";
import { allowedFolder } from "../storage/folder-places.ts";
import { keys } from "../storage/keys.ts";
import type { ActionContext } from "./context.ts";

/**
 * Queues the import of a folder of this installation's machines, which its worker reads where it lies.
 * Throws AppError invalid_request, folder_not_allowed, project_not_found.
 */
export async function startFolderImport(
  { db, config }: Pick<ActionContext, "db" | "config">,
  scope: ProjectScope,
  folder: string,
  asked: { readonly options: ImportOptions; readonly dryRun: boolean },
): Promise<Import> {
  const allowed = { folders: config.IMPORT_FOLDERS, own: config.DATA_DIR };
  const place = allowedFolder(allowed, folder, scope.workspaceId);
  const id = newId("imp");
  const options = { ...asked.options, folder: place };
  return db.transaction(async (tx) => {
    await holdProject(tx, scope);
    // The key of a zip that nobody sends: the worker's clean-up finds nothing there.
    const objectKey = keys.importZip(scope.projectId, id);
    const row = { ...scope, id, objectKey, bytes: 0, fileName: null, options, dryRun: asked.dryRun };
    return insertImport(tx, row);
  });
}
