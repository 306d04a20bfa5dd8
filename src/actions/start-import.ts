import { open } from "node:fs/promises";
import { type Import, insertImport } from "../db/queries/imports.ts";
import { holdProject } from "../db/queries/projects.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
import { requireRoom } from "../db/queries/usage.ts";
import type { ImportOptions } from "../domain/data-import.ts";
import { archiveStart, kindOfStart } from "../lib/archive-kind.ts";
import { AppError } from "../lib/errors.ts";
import { newId } from "../lib/ids.ts";
import { keys } from "../storage/keys.ts";
import type { ActionContext } from "./context.ts";
import { quotasOf } from "./quotas.ts";

/** A zip or another archive that lies in a file of this machine. */
export interface ArchiveFile {
  readonly path: string;
  readonly bytes: number;
  readonly fileName: string | null;
}

/**
 * Stores an archive and queues its import: the object first, then the row, whose insert tells the workers; without the row the
 * object goes again. Throws AppError import_zip_invalid, quota_exceeded, project_not_found.
 */
export async function startImport(
  { db, store, inference, config }: ActionContext,
  scope: ProjectScope,
  file: ArchiveFile,
  asked: { readonly options: ImportOptions; readonly dryRun: boolean },
): Promise<Import> {
  await checkStart(file.path);
  const quotas = quotasOf(config);
  await requireRoom(db, scope.workspaceId, quotas, { of: ["bytes"], more: { bytes: file.bytes } });
  const id = newId("imp");
  const objectKey = keys.importZip(scope.projectId, id);
  try {
    await store.putFile(objectKey, file.path, { contentType: "application/octet-stream" });
    const { bytes, fileName } = file;
    const row = await db.transaction(async (tx) => {
      await holdProject(tx, scope);
      const inserted = await insertImport(tx, { ...scope, id, objectKey, bytes, fileName, ...asked });
      await requireRoom(tx, scope.workspaceId, quotas, { of: ["bytes"] });
      return inserted;
    });
    await inference.makeRoom(scope.workspaceId);
    return row;
  } catch (error) {
    await store.delete(objectKey);
    throw error;
  }
}

/** What packed a file is told by its start; the worker reads the rest. */
async function checkStart(path: string): Promise<void> {
  const handle = await open(path);
  let kind: ReturnType<typeof kindOfStart>;
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(archiveStart), 0, archiveStart, 0);
    kind = kindOfStart(buffer.subarray(0, bytesRead));
  } finally {
    await handle.close();
  }
  if (kind.kind === "other")
    throw new AppError("import_zip_invalid", `The body is ${kind.name}; ${kind.advice}.`);
}
