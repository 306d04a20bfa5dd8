import { rm } from "node:fs/promises";
import { join } from "node:path";
import { insertImport } from "../db/queries/imports.ts";
import { holdProject } from "../db/queries/projects.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
import { completeUpload as markCompleted, getUpload, type Upload } from "../db/queries/uploads.ts";
import type { ImportOptions } from "../domain/data-import.ts";
import { temporaryFolder } from "../lib/temporary.ts";
import { AppError } from "../lib/errors.ts";
import { newId } from "../lib/ids.ts";
import type { ActionContext } from "./context.ts";
import { storeImage } from "./store-image.ts";

/** How a file is imported that is to become an import; says nothing of an image. */
export interface AsImport {
  readonly options: ImportOptions;
  readonly dryRun: boolean;
}

/**
 * Makes the file that came by a link what it was announced as; again it is no error. Returns the upload, completed.
 * Throws AppError upload_not_found, upload_incomplete, upload_mismatch, and what storeImage throws.
 */
export async function completeUpload(
  context: ActionContext,
  scope: ProjectScope,
  id: string,
  asked: AsImport,
): Promise<Upload> {
  const upload = await getUpload(context.db, scope, id);
  if (upload.completedAt !== null) return upload;
  await checkArrived(context, upload);
  if (upload.purpose === "image") await becomeImage(context, scope, upload);
  else await becomeImport(context, scope, upload, asked);
  return getUpload(context.db, scope, id);
}

/** Throws AppError upload_incomplete, upload_mismatch. */
async function checkArrived({ store }: ActionContext, upload: Upload): Promise<void> {
  const object = await store.stat(upload.objectKey);
  if (object === null) {
    throw new AppError("upload_incomplete", "Nothing has arrived by this upload's link yet.");
  }
  if (object.bytes !== upload.bytes || object.sha256 !== upload.sha256) throw await refuse(store, upload);
}

/** What arrived is not what was announced: it goes, so that the link is free for another try. */
async function refuse(store: ActionContext["store"], upload: Upload): Promise<AppError> {
  await store.delete(upload.objectKey);
  return new AppError(
    "upload_mismatch",
    `What has arrived is not the ${upload.bytes} bytes of SHA-256 ${upload.sha256} that were announced; send it again.`,
  );
}

async function becomeImage(context: ActionContext, scope: ProjectScope, upload: Upload): Promise<void> {
  const { store } = context;
  const folder = await temporaryFolder("upload");
  try {
    const path = join(folder, "image");
    await store.getFile(upload.objectKey, path).catch(async (error: unknown) => {
      // The client may have named one hash and sent bytes of another to a store that doesn't look.
      const corrupted = error instanceof AppError && error.code === "object_corrupted";
      throw corrupted ? await refuse(store, upload) : error;
    });
    const { bytes, sha256, fileName, splitGroup } = upload;
    await storeImage(context, scope, { path, bytes, sha256, fileName, splitGroup }, upload);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  await store.delete(upload.objectKey);
}

/** The zip stays where it is: the worker reads it there, checks it and removes it. */
async function becomeImport(
  { db }: ActionContext,
  scope: ProjectScope,
  upload: Upload,
  asked: AsImport,
): Promise<void> {
  const { objectKey, bytes, fileName } = upload;
  const importId = newId("imp");
  await db.transaction(async (tx) => {
    await holdProject(tx, scope);
    // Where two complete it at once, the second waits here and then adds nothing.
    if (await markCompleted(tx, scope, upload.id, { importId }))
      await insertImport(tx, { ...scope, id: importId, objectKey, bytes, fileName, ...asked });
  });
}
