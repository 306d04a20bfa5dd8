import { type Import, insertImport } from "../db/queries/imports.ts";
import { holdProject } from "../db/queries/projects.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
import type { ImportOptions } from "../domain/data-import.ts";
import { newId } from "../lib/ids.ts";
import { allowedPlace } from "../storage/bucket-places.ts";
import { keys } from "../storage/keys.ts";
import type { ActionContext } from "./context.ts";

/** What is asked to be read. */
export interface AskedBucket {
  readonly bucket: string;
  readonly prefix: string;
  /** Whether all is read, whatever an import before this one has read. */
  readonly again: boolean;
}

/**
 * Queues the import of what lies in a bucket, which its worker lists and reads there.
 * Throws AppError invalid_request, bucket_not_allowed, project_not_found.
 */
export async function startBucketImport(
  { db, config }: Pick<ActionContext, "db" | "config">,
  scope: ProjectScope,
  { again, ...place }: AskedBucket,
  asked: { readonly options: ImportOptions; readonly dryRun: boolean },
): Promise<Import> {
  const allowed = {
    setting: "IMPORT_BUCKETS",
    places: config.IMPORT_BUCKETS,
    own: config.S3_BUCKET,
  } as const;
  const { bucket: name, prefix } = allowedPlace(allowed, place, scope.workspaceId);
  const id = newId("imp");
  const options = { ...asked.options, bucket: { name, prefix, again } };
  return db.transaction(async (tx) => {
    await holdProject(tx, scope);
    // The key of a zip that nobody sends: the worker's clean-up finds nothing there.
    const objectKey = keys.importZip(scope.projectId, id);
    const row = { ...scope, id, objectKey, bytes: 0, fileName: null, options, dryRun: asked.dryRun };
    return insertImport(tx, row);
  });
}
