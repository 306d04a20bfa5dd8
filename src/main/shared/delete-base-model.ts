import { builtInModel } from "../../checkpoint/base-models.ts";
import type { BaseModels } from "../../base-models/registry.ts";
import { deleteBaseModelSignature } from "../../db/queries/base-model-signatures.ts";
import { projectsChoosing, projectsOnBase } from "../../db/queries/base-model-users.ts";
import type { Database } from "../../db/client.ts";
import { deleteBelow } from "../../storage/delete-below.ts";
import { keys } from "../../storage/keys.ts";
import type { ObjectStore } from "../../storage/store.ts";

/**
 * Removes an imported base model that no project, no version, no choice under way and no other base model needs, and what imports under its
 * name have left behind; another can have its name then. Processes that have used it keep it until they end.
 * Throws AppError base_model_unknown, or an Error that names what needs it.
 */
export async function deleteBaseModel(
  { db, store, models }: { db: Database; store: ObjectStore; models: BaseModels },
  name: string,
): Promise<void> {
  if (builtInModel(name)) throw inUse(name, "this program, which it comes with");
  // Which says what there is
  if (!(await models.manifest(name))) await models.get(name);
  const users = await projectsOnBase(db, name);
  if (users.length > 0) throw inUse(name, `projects (${users.join(", ")})`);
  const choosing = await projectsChoosing(db);
  if (choosing.length > 0)
    throw inUse(name, `projects (${choosing.join(", ")}) whose fine-tune may choose it: wait until it has`);
  for (const other of await models.names()) {
    const manifest = other === name ? null : await models.manifest(other);
    if (manifest && "of" in manifest.encoder && manifest.encoder.of === name)
      throw inUse(name, `the base model ${other}, which has its image encoder`);
  }
  // Without its manifest it is none, whatever of its files is there
  await store.delete(keys.baseModel(name));
  await deleteBaseModelSignature(db, name);
  await deleteBelow(store, keys.baseModelObjects(name));
}

const inUse = (name: string, by: string): Error => new Error(`The base model ${name} is needed by ${by}`);
