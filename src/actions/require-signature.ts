import { readFile } from "node:fs/promises";
import { modelKey } from "../db/queries/signing-secrets.ts";
import { AppError } from "../lib/errors.ts";
import {
  keyIdOf,
  publicKeyOf,
  publicKeysIn,
  readBundle,
  type SignatureBundle,
  SignatureRefused,
  verifyFile,
} from "../lib/model-signature.ts";
import type { ActionContext } from "./context.ts";

/** The header that a signature comes in, the bundle in base64. */
export const signatureHeader = "maskwright-signature";
const param = "Maskwright-Signature";

/** Checks the bytes of a file that a caller sends, by their SHA-256. Throws AppError signature_refused. */
export type SignatureCheck = (sha256: string) => void;

/**
 * What a file that is imported has to pass. A signature that is sent is held to the trusted keys also where none is asked
 * for. Throws AppError signature_required, signature_refused, before the file is read.
 */
export async function signatureCheck(
  { db, config }: Pick<ActionContext, "db" | "config">,
  header: string | undefined,
): Promise<SignatureCheck> {
  const { IMPORT_TRUSTED_KEYS: file } = config;
  if (header === undefined) {
    if (file === undefined) return () => undefined;
    throw new AppError(
      "signature_required",
      `This installation imports versions with a signature alone (IMPORT_TRUSTED_KEYS): send the bundle of FILE.sig in base64 as the header ${param}.`,
      { param },
    );
  }
  const trusted = [publicKeyOf(await modelKey(db)), ...(file === undefined ? [] : await keysIn(file))];
  const bundle = refusing(() => readBundle(Buffer.from(header, "base64").toString("utf8")));
  return (sha256) => void refusing(() => verifyFile(bundle, keyFor(bundle, trusted), sha256));
}

async function keysIn(file: string): Promise<string[]> {
  const keys = publicKeysIn(await readFile(file, "utf8"));
  if (keys.length === 0) throw new Error(`IMPORT_TRUSTED_KEYS: ${file} holds no public key in PEM`);
  return keys;
}

/** The trusted key that a bundle names; the first where it names none. Throws SignatureRefused. */
function keyFor(bundle: SignatureBundle, trusted: readonly string[]): string {
  const { hint } = bundle.verificationMaterial.publicKey;
  const key = trusted.find((one) => hint === undefined || keyIdOf(one) === hint);
  if (key === undefined) throw new SignatureRefused(`its key ${hint} is none that this installation trusts`);
  return key;
}

function refusing<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof SignatureRefused)) throw error;
    throw new AppError("signature_refused", `The file's signature: ${error.message}.`, {
      param,
      cause: error,
    });
  }
}
