import type { Config } from "../config.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
import { deleteStaleUploads, insertUpload, type Upload } from "../db/queries/uploads.ts";
import { requireRoom } from "../db/queries/usage.ts";
import { AppError } from "../lib/errors.ts";
import { newId } from "../lib/ids.ts";
import { keys } from "../storage/keys.ts";
import type { ActionContext } from "./context.ts";
import { quotasOf } from "./quotas.ts";

/** A file that is to come by a link. */
export interface AnnouncedFile {
  readonly purpose: "image" | "import";
  readonly bytes: number;
  readonly sha256: string;
  readonly fileName: string | null;
  readonly splitGroup: string | null;
  /** How long its link lasts. */
  readonly seconds: number;
}

/** How many images an import brings is known once it is read. */
const roomFor = {
  image: { more: { images: 1 } },
  import: { of: ["bytes"] },
} as const;

/**
 * Reserves what the link may bring, whether it comes or not; files of links that are over go. Throws AppError
 * project_not_found, quota_exceeded.
 */
export async function announceUpload(
  { db, store, inference, config }: ActionContext,
  scope: ProjectScope,
  file: AnnouncedFile,
): Promise<Upload> {
  for (const key of await deleteStaleUploads(db, scope.workspaceId)) await store.delete(key);
  const id = newId("upl");
  const objectKey = keys.upload(scope.projectId, id);
  const upload = await db.transaction(async (tx) => {
    const inserted = await insertUpload(tx, { ...scope, id, objectKey, ...file });
    await requireRoom(tx, scope.workspaceId, quotasOf(config), roomFor[file.purpose]);
    return inserted;
  });
  await inference.makeRoom(scope.workspaceId);
  return upload;
}

/** Throws AppError body_too_large, import_too_large: what could never be stored is not asked for. */
export function checkSize(
  { purpose, bytes }: { purpose: "image" | "import"; bytes: number },
  config: Pick<Config, "MAX_BODY_BYTES" | "MAX_IMPORT_BYTES">,
): void {
  const setting = purpose === "image" ? "MAX_BODY_BYTES" : "MAX_IMPORT_BYTES";
  const limit = config[setting];
  if (bytes <= limit) return;
  const code = purpose === "image" ? "body_too_large" : "import_too_large";
  throw new AppError(code, `bytes: ${bytes}; at most ${limit} are allowed for an ${purpose} (${setting}).`, {
    param: "bytes",
  });
}
