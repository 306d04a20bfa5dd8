import { AppError } from "../lib/errors.ts";
import {
  publicKeyOf,
  type SignatureBundle,
  type SignedFile,
  SignatureRefused,
  signModel,
  verifyFiles,
} from "../lib/model-signature.ts";
import type { Database } from "./client.ts";
import { insertBaseModelSignature, selectBaseModelSignature } from "./queries/base-model-signatures.ts";
import { modelKey } from "./queries/signing-secrets.ts";

/** An imported base model by the hashes of its manifest and of the files that it names. */
export interface ImportedBaseModel {
  readonly name: string;
  readonly files: readonly SignedFile[];
}

/**
 * Holds a base model to what the installation has signed; one that is seen for the first time is signed, as `model import`
 * may have no database. Gives the signature. Throws AppError object_corrupted where its files were exchanged since.
 */
export async function holdBaseModel(
  db: Database,
  { name, files }: ImportedBaseModel,
): Promise<SignatureBundle> {
  const key = await modelKey(db);
  let signature = await selectBaseModelSignature(db, name);
  if (signature === null) {
    const about = { maskwright: { base_model: name } };
    await insertBaseModelSignature(db, { name, signature: signModel(key, { name, files, about }) });
    // Another process may have been first.
    signature = await selectBaseModelSignature(db, name);
    if (signature === null) throw new Error(`the signature of the base model ${name} is gone`);
  }
  try {
    const signed = verifyFiles(signature, publicKeyOf(key), files);
    if (signed.name !== name) throw new SignatureRefused(`it is the signature of ${signed.name}`);
  } catch (error) {
    if (!(error instanceof SignatureRefused)) throw error;
    throw new AppError(
      "object_corrupted",
      `The base model ${name} is not what was signed: ${error.message}.`,
      { cause: error },
    );
  }
  return signature;
}
