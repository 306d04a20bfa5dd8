import { signedFiles } from "../base-models/manifest.ts";
import type { Database } from "../db/client.ts";
import { holdBaseModel } from "../db/signed-base-models.ts";
import { type Fault, faultIn } from "../storage/named-objects.ts";
import { keys } from "../storage/keys.ts";
import type { ObjectStore } from "../storage/store.ts";

/** A file of an imported base model. */
export interface BaseModelFile {
  readonly kind: "base_model";
  /** The model's name. */
  readonly id: string;
  readonly project: null;
  readonly key: string;
}

/**
 * The files of imported base models with the hashes that were signed; one that has no signature yet gets it. Where the
 * manifest itself is at fault it stands for the others, with what is wrong.
 */
export async function* baseModelFiles(
  db: Database,
  store: ObjectStore,
): AsyncIterable<BaseModelFile & ({ readonly sha256: string } | { readonly fault: Fault })> {
  for await (const key of store.list(keys.baseModelsPrefix)) {
    const id = key.split("/")[1] ?? "";
    if (key !== keys.baseModel(id)) continue;
    const about = { kind: "base_model", id, project: null } as const;
    try {
      const files = signedFiles(await store.get(key));
      await holdBaseModel(db, { name: id, files });
      for (const file of files) yield { ...about, key: file.key ?? key, sha256: file.sha256 };
    } catch (error) {
      const fault = faultIn(error);
      if (fault === null) throw error;
      yield { ...about, key, fault };
    }
  }
}
