import { max } from "../drizzle.ts";
import type { Database, Executor } from "../client.ts";
import { type OfTraining, versions } from "../schema/index.ts";
import type { ImportedFile } from "../../domain/version.ts";
import { AppError } from "../../lib/errors.ts";
import { signModel } from "../../lib/model-signature.ts";
import { lockProject, type Project } from "./projects.ts";
import { closeBaseChoice } from "./base-choices.ts";
import { inProject, type ProjectScope } from "./scope.ts";
import { modelKey } from "./signing-secrets.ts";
import { type Quotas, requireRoom } from "./usage.ts";
import { getVersion, type Version } from "./versions.ts";

export type NewVersion = Omit<typeof versions.$inferInsert, "createdAt" | "signature">;
/** One that a fine-tune made. */
export type NewTunedVersion = Omit<NewVersion, "imported"> & {
  [Column in OfTraining]: NonNullable<NewVersion[Column]>;
};

/** One more than the project's highest; the caller holds the project's lock until the version is in. */
export async function nextVersionNumber(tx: Executor, scope: ProjectScope): Promise<number> {
  const [row] = await tx
    .select({ highest: max(versions.number) })
    .from(versions)
    .where(inProject(versions, scope));
  return (row?.highest ?? 0) + 1;
}

/**
 * Registers a version that no fine-tune made, under the project's next number.
 * Throws AppError project_not_found, quota_exceeded, weights_base_mismatch.
 */
export async function registerImported(
  db: Database,
  scope: ProjectScope,
  row: Omit<NewVersion, OfTraining | "number" | "workspaceId" | "projectId"> & { imported: ImportedFile },
  quotas: Quotas,
): Promise<Version> {
  return db.transaction(async (tx) => {
    const project = await lockProject(tx, scope);
    requireBase(project, row.baseModel);
    await closeBaseChoice(tx, project);
    const number = await nextVersionNumber(tx, scope);
    await insertVersion(tx, { ...row, ...scope, number });
    await requireRoom(tx, scope.workspaceId, quotas, { of: ["bytes"] });
    return getVersion(tx, scope, number);
  });
}

/** A fine-tune may have chosen another base model while the file was read. */
function requireBase({ baseModel }: Project, of: string): void {
  if (baseModel === of) return;
  throw new AppError(
    "weights_base_mismatch",
    `file: it was read for base_model ${of}; a fine-tune has meanwhile chosen ${baseModel} for this project.`,
    { param: "file" },
  );
}

/** Signs the weights with the installation's key and says whose they are. */
export async function insertVersion(tx: Executor, row: NewVersion): Promise<void> {
  const signature = signModel(await modelKey(tx), {
    name: `${row.projectId}-v${row.number}`,
    files: [{ name: ".", sha256: row.weightsSha256 }],
    about: {
      maskwright: {
        project: row.projectId,
        version: row.number,
        base_model: row.baseModel,
        snapshot_hash: row.snapshotHash ?? null,
      },
    },
  });
  await tx.insert(versions).values({ ...row, signature });
}
