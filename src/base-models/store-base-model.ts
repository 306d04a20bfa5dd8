import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BaseModel } from "../checkpoint/base-models.ts";
import { RefusedFile } from "../checkpoint/refused.ts";
import { encodeSafetensors } from "../checkpoint/safetensors.ts";
import { familyNames, type ModelFamily } from "../domain/model-family.ts";
import type { BaseModelManifest } from "./manifest.ts";
import { AppError } from "../lib/errors.ts";
import { sha256 } from "../lib/hash.ts";
import { deleteBelow } from "../storage/delete-below.ts";
import { keys } from "../storage/keys.ts";
import type { ImportOptions } from "./options.ts";
import { saysKept } from "./lost.ts";
import type { Staged } from "./staging/staged.ts";

const unknownLicence = "Not told at import: see where the weights came from.";

/** Writes a model's files, then its manifest; of one that fails half-way nothing stays. */
export async function storeBaseModel(
  staged: Staged,
  sourceFiles: BaseModelManifest["source"]["files"],
  folder: string,
  { store, models, name, licence = unknownLicence, encoderOf }: ImportOptions,
): Promise<BaseModelManifest> {
  // Files of an import that is cut off are named by no manifest, and by no other import.
  const importId = randomBytes(8).toString("hex");
  const put = async (file: string, path: string) => {
    const info = await store.putFile(keys.baseModelFile(name, importId, file), path);
    return { file, key: info.key, sha256: info.sha256, bytes: info.bytes };
  };
  const encoderModel = staged.encoder ? null : await encoderGiven(encoderOf, models, staged.family);
  try {
    const decoderPath = join(folder, "decoder.safetensors");
    await writeFile(decoderPath, encodeSafetensors(staged.decoder, { base: name, format: "pt" }));
    const decoder = await put("decoder.safetensors", decoderPath);
    const files: Awaited<ReturnType<typeof put>>[] = [];
    for (const { file, path } of staged.encoder?.files ?? []) files.push(await put(file, path));
    const manifest: BaseModelManifest = {
      object: "base_model",
      name,
      family: staged.family,
      type: staged.type ?? encoderModel?.type ?? "onnx",
      source: { format: staged.format, files: sourceFiles, says: saysKept(staged.says) },
      licence,
      parameters: staged.parameters,
      created_at: new Date().toISOString(),
      embedding_id:
        encoderModel?.embeddingId ?? sha256(files.map((file) => `${file.file} ${file.sha256}`).join("\n")),
      encoder: staged.encoder
        ? { input: staged.encoder.input, graph: staged.encoder.graph, files }
        : { of: encoderModel?.name ?? "" },
      decoder: { key: decoder.key, sha256: decoder.sha256 },
    };
    await store.put(keys.baseModel(name), new TextEncoder().encode(`${JSON.stringify(manifest, null, 2)}\n`));
    return manifest;
  } catch (error) {
    await deleteBelow(store, keys.baseModelFilesPrefix(name, importId));
    if (error instanceof AppError && error.code === "object_conflict")
      throw new RefusedFile("name_taken", `${name} was imported by someone else meanwhile`, { cause: error });
    throw error;
  }
}

async function encoderGiven(
  name: string | undefined,
  models: ImportOptions["models"],
  family: ModelFamily,
): Promise<BaseModel> {
  if (name !== undefined) {
    const model = await models.get(name);
    if (model.family === family) return model;
    throw new RefusedFile(
      "wrong_architecture",
      `the file holds a decoder of ${familyNames[family]}'s, and ${name} is of ${familyNames[model.family]}'s`,
    );
  }
  throw new RefusedFile(
    "names_missing",
    "the file holds a prompt encoder and mask decoder, but no image encoder: name the base model whose encoder it goes with (--encoder)",
  );
}
