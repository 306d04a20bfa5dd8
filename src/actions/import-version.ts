import { readVersionFile } from "../base-models/version-file.ts";
import { requireRoom } from "../db/queries/usage.ts";
import { registerImported } from "../db/queries/version-registry.ts";
import { newId } from "../lib/ids.ts";
import { keys } from "../storage/keys.ts";
import type { ActionContext, Ask } from "./context.ts";
import { quotasOf } from "./quotas.ts";

/** Weights that lie in a file of this machine. */
export interface WeightsFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly fileName: string | null;
}

/**
 * Makes a file of decoder weights a version of the project: the object first, then its row; without the row the object goes
 * again. Throws what readVersionFile throws, and AppError quota_exceeded, project_not_found.
 */
export async function importVersion(
  { db, store, inference, config }: ActionContext,
  { scope, project, actor, signal }: Ask,
  { path, bytes, sha256, fileName }: WeightsFile,
): ReturnType<typeof registerImported> {
  const base = await inference.baseModel(project.baseModel);
  const read = await readVersionFile(path, base, { by: scope.workspaceId, signal });
  const { format, says, notes, focus, weights } = read;
  const quotas = quotasOf(config);
  // Asked again, and for good, where the version is registered.
  await requireRoom(db, scope.workspaceId, quotas, { of: ["bytes"], more: { bytes: weights.bytes } });
  const id = newId("ver");
  const weightsKey = keys.weights(scope.projectId, id, weights.sha256);
  try {
    await store.putFile(weightsKey, weights.path);
    const row = {
      id,
      baseModel: base.name,
      parentVersion: null,
      weightsKey,
      weightsSha256: weights.sha256,
      weightsBytes: weights.bytes,
      focus,
      hyperparameters: {},
      imported: { format, fileName, sha256, bytes, says, notes: [...notes], actor },
    };
    const version = await registerImported(db, scope, row, quotas);
    await inference.makeRoom(scope.workspaceId);
    return version;
  } catch (error) {
    await store.delete(weightsKey);
    throw error;
  }
}
