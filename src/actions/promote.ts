import { type Change, type Promotion, rollBack, setActiveVersion } from "../db/queries/promotions.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
import { getVersion, type Version } from "../db/queries/versions.ts";
import { ofVersion, readWeightsFile } from "../inference/decoder/version-weights.ts";
import { AppError } from "../lib/errors.ts";
import { registeredObject } from "../storage/named-objects.ts";
import type { ActionContext } from "./context.ts";

type Context = Pick<ActionContext, "db" | "store">;

/**
 * Makes a version live whose weights can be read. Throws AppError project_not_found, version_not_found,
 * version_already_active, version_not_usable.
 */
export async function promoteVersion(
  { db, store }: Context,
  scope: ProjectScope,
  change: Change,
): Promise<Promotion> {
  if (change.toVersion !== null) await requireUsable(store, await getVersion(db, scope, change.toVersion));
  return db.transaction((tx) => setActiveVersion(tx, scope, change));
}

/** Back to what was live before. Throws AppError nothing_to_roll_back, version_not_usable. */
export const rollBackVersion = (
  { db, store }: Context,
  scope: ProjectScope,
  by: Pick<Change, "actor" | "reason">,
): Promise<Promotion> => rollBack(db, scope, by, (version) => requireUsable(store, version));

/** Weights were checked as they were registered, so what still has their hash loads. */
async function requireUsable(store: Context["store"], version: Version): Promise<void> {
  try {
    await readWeightsFile(store, version);
    const { finder } = version;
    if (finder) await ofVersion(version, () => registeredObject(store, finder));
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "version_damaged") throw error;
    throw new AppError("version_not_usable", error.message, { param: "version", cause: error });
  }
}
