import type { imports } from "../../db/schema/index.ts";
import { ifUnused, selectImageHashes } from "../../db/queries/images.ts";
import { importLeases } from "../../db/queries/leases.ts";
import type { AppError } from "../../lib/errors.ts";
import { keys } from "../../storage/keys.ts";
import { giveUp } from "../give-up.ts";
import { Held } from "../held.ts";
import { isFinal, runLeased } from "../run-leased.ts";
import type { TrainerServices } from "../services.ts";
import { ImportRun } from "./attempt.ts";
import { clearParts } from "./parts.ts";

type ImportRow = typeof imports.$inferSelect;

/**
 * One attempt at an import. Resolves with the ids of the new images when it succeeded, and with none when it failed
 * for good, was deleted, or belongs to someone else. Rejects when the queue shall run it again.
 */
export async function runImport(
  services: TrainerServices,
  importId: string,
  signal: AbortSignal,
): Promise<string[]> {
  const { db, store } = services;
  let run: ImportRun | undefined;
  /** Removes what the attempts have stored and no row refers to, under the locks that uploads take. */
  const takeBack = async (row: ImportRow): Promise<void> => {
    await store.delete(keys.importPicture(row.projectId, row.id));
    for await (const sha256 of run?.hashes() ?? [])
      await ifUnused(db, row, { objectKey: keys.image(row.projectId, sha256), sha256 }, (key) =>
        store.delete(key),
      );
    await clearParts(store, row);
  };
  try {
    const created = await runLeased(services, {
      leases: importLeases,
      id: importId,
      kind: "import",
      name: "an import",
      signal,
      hold: (lease) => new Held(db, importLeases, lease),
      work: async (row, held, log) => {
        run = new ImportRun(services, row, held, signal);
        try {
          const stored = await run.run();
          log.info({ images: stored.created.length, annotations: stored.annotations }, "an import succeeded");
          return stored.created.map((image) => image.id);
        } catch (error) {
          if (!signal.aborted && isFinal(error)) await run.putReport();
          throw error;
        }
      },
      fail: async (error, row, held) => {
        await takeBack(row);
        await held.fail(jobError(error));
        await store.delete(row.objectKey);
      },
      gone: takeBack,
    });
    return created ?? [];
  } finally {
    await run?.close();
  }
}

/**
 * Ends an import that the queue gave up after its last attempt failed or died, and clears away what the attempts have
 * left: the zip, and images that no row refers to.
 */
export async function giveUpImport(
  { db, store }: TrainerServices,
  importId: string,
  attempts: number,
  error?: unknown,
): Promise<void> {
  const row = await giveUp(db, importLeases, { id: importId, attempts }, error);
  if (!row) return;
  await store.delete(row.objectKey);
  await store.delete(keys.importPicture(row.projectId, row.id));
  await store.delete(keys.importReport(row.projectId, row.id));
  await clearParts(store, row);
  const known = new Set(await selectImageHashes(db, row));
  const prefix = keys.imagePrefix(row.projectId);
  for await (const objectKey of store.list(prefix)) {
    const sha256 = objectKey.slice(prefix.length);
    if (!known.has(sha256)) await ifUnused(db, row, { objectKey, sha256 }, (key) => store.delete(key));
  }
}

const namesFile = new Set(["import_file_invalid", "import_file_changed", "import_skipped_too_much"]);

function jobError(error: AppError): { code: string; message: string; file?: string } {
  const { code, message, param } = error;
  return namesFile.has(code) && param !== undefined ? { code, message, file: param } : { code, message };
}
