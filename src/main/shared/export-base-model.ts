import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { signedFiles } from "../../base-models/manifest.ts";
import type { Database } from "../../db/client.ts";
import { modelKey } from "../../db/queries/signing-secrets.ts";
import { holdBaseModel } from "../../db/signed-base-models.ts";
import { publicKeyOf } from "../../lib/model-signature.ts";
import { keys } from "../../storage/keys.ts";
import type { ObjectStore } from "../../storage/store.ts";

/**
 * Writes an imported base model's files to `folder/NAME`, its signature to `folder/NAME.sig`, and the public key beside them:
 * what `maskwright verify` and `model_signing verify key` take. Throws AppError object_not_found, object_corrupted.
 */
export async function exportBaseModel(
  { db, store }: { readonly db: Database; readonly store: ObjectStore },
  name: string,
  folder: string,
): Promise<{ readonly model: string; readonly signature: string; readonly key: string }> {
  const manifest = await store.get(keys.baseModel(name));
  const files = signedFiles(manifest);
  const bundle = await holdBaseModel(db, { name, files });
  const model = join(folder, name);
  await mkdir(model, { recursive: true });
  for (const { name: file, key } of files) {
    if (key === null) await writeFile(join(model, file), manifest);
    else await store.getFile(key, join(model, file));
  }
  const [signature, key] = [`${model}.sig`, join(folder, "signing-key.pem")];
  await writeFile(signature, JSON.stringify(bundle));
  await writeFile(key, publicKeyOf(await modelKey(db)));
  return { model, signature, key };
}
