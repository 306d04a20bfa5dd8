import { getVersion } from "../db/queries/versions.ts";
import { modelKey } from "../db/queries/signing-secrets.ts";
import { exportApart } from "../exports/apart.ts";
import { type ExportedFile, type ExportFormat, exportFormats, type ExportOptions } from "../exports/types.ts";
import { AppError } from "../lib/errors.ts";
import {
  keyIdOf,
  publicKeyOf,
  type SignatureBundle,
  SignatureRefused,
  signModel,
  verifyFile,
} from "../lib/model-signature.ts";
import type { Version } from "../db/queries/versions.ts";
import type { ActionContext, Ask } from "./context.ts";

type Context = Pick<ActionContext, "db" | "store" | "inference" | "memory">;

/** Which file of which version; `base` is the untuned model. */
export interface ExportAsk extends Omit<ExportOptions, "format"> {
  readonly number: number | "base";
  readonly format: string;
}

const isFormat = (name: string): name is ExportFormat => exportFormats.some((format) => format === name);

/**
 * A version as a file for other programs. Throws AppError version_not_found, export_format_unsupported, version_damaged
 * where its weights are not what was signed, and what exportApart throws.
 */
export async function exportVersionFile(
  { db, store, inference, memory }: Context,
  { scope, project }: Pick<Ask, "scope" | "project">,
  { number, format, ...options }: ExportAsk,
): Promise<ExportedFile> {
  const version = number === "base" ? null : await getVersion(db, scope, number);
  if (!isFormat(format)) {
    const message = `format: ${format} is not offered; these are: ${exportFormats.join(", ")}.`;
    throw new AppError("export_format_unsupported", message, { param: "format" });
  }
  if (version) requireSigned(await modelKey(db), version);
  const base = await inference.baseModel(version?.baseModel ?? project.baseModel);
  const subject = { projectId: project.id, base, version };
  return exportApart({ store, memory }, subject, { format, ...options }, scope.workspaceId);
}

/**
 * Throws AppError version_damaged. Versions from before there were signatures have none, and what a key signed that has
 * been exchanged since can't be held to it.
 */
function requireSigned(key: string, { number, signature, weightsSha256 }: Version): void {
  const publicKey = publicKeyOf(key);
  if (signature?.verificationMaterial.publicKey.hint !== keyIdOf(publicKey)) return;
  try {
    verifyFile(signature, publicKey, weightsSha256);
  } catch (error) {
    if (!(error instanceof SignatureRefused)) throw error;
    throw new AppError(
      "version_damaged",
      `The signature of version ${number} does not hold: ${error.message}.`,
      { cause: error },
    );
  }
}

/**
 * What a version was signed with as it was registered, over its weights as they lie in the store. Throws AppError
 * version_not_found, version_unsigned, and version_damaged where the weights were exchanged since.
 */
export async function registeredSignature(
  { db }: Pick<Context, "db">,
  scope: Ask["scope"],
  number: number,
): Promise<SignatureBundle> {
  const version = await getVersion(db, scope, number);
  if (!version.signature) {
    const message = `Version ${number} is from before versions were signed; what is exported of it is signed all the same.`;
    throw new AppError("version_unsigned", message, { param: "number" });
  }
  requireSigned(await modelKey(db), version);
  return version.signature;
}

/** The installation's signature of an exported file, under that file's name. Throws what exportVersionFile throws. */
export async function signExport(
  context: Context,
  ask: Pick<Ask, "scope" | "project">,
  wanted: ExportAsk,
): Promise<{ fileName: string; sha256: string; signature: SignatureBundle }> {
  const { fileName, sha256, content } = await exportVersionFile(context, ask, wanted);
  if (!(content instanceof Uint8Array)) content.destroy();
  const { number, format } = wanted;
  const about = { maskwright: { project: ask.project.id, version: number, format } };
  const files = [{ name: ".", sha256 }];
  const signature = signModel(await modelKey(context.db), { name: fileName, files, about });
  return { fileName, sha256, signature };
}
