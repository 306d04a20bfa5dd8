import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { type BaseModel, builtInModel } from "../../checkpoint/base-models.ts";
import type { NamedTensors } from "../../checkpoint/named-tensors.ts";
import { RefusedFile } from "../../checkpoint/refused.ts";
import { digestFile } from "../../lib/hash.ts";
import type { ObjectStore } from "../../storage/store.ts";
import type { BaseModelManifest } from "../manifest.ts";
import { checkName, sameSource, type SourceFiles } from "../names.ts";
import { orRefused, stopped } from "../read-decoder.ts";
import type { BaseModels } from "../registry.ts";
import { stagingChildren } from "../staging/children.ts";
import { storeBaseModel } from "../store-base-model.ts";

export interface QuantiseOptions {
  readonly store: ObjectStore;
  readonly models: BaseModels;
  /** The base model whose image encoder is made quicker. */
  readonly of: string;
  /** What projects will call the new one as their `base_model`. */
  readonly name: string;
  /** On a disk with room for the encoder once more; emptied afterwards. */
  readonly workFolder: string;
  /** Looks at the new model before it is stored, and throws RefusedFile `masks_differ` where it does not hold. */
  readonly check: (draft: BaseModel, exact: BaseModel) => Promise<void>;
}

/**
 * Makes a base model of another: the same decoder, and its image encoder with the linear layers computed in 8-bit integers
 * (int8-products.ts). Its embeddings are others', so that projects choose it by its own name.
 * Throws RefusedFile, with nothing stored; AppError base_model_unknown, or when the store fails.
 */
export async function quantiseBaseModel(
  options: QuantiseOptions,
): Promise<{ manifest: BaseModelManifest; isNew: boolean; products: number | null }> {
  const { store, models, of, name, workFolder, check } = options;
  checkName(name);
  const exact = await models.get(of);
  const files = await sourceFiles(exact, models);
  const format = `${of}, linear layers in int8`;
  const present = await models.manifest(name);
  // Several models have one encoder's file, and decoders of their own.
  if (present && present.source.format !== format)
    throw new RefusedFile("name_taken", `${name} is another base model's name (${present.source.format})`);
  if (present) return { manifest: sameSource(present, files), isNew: false, products: null };

  await mkdir(workFolder, { recursive: true });
  const folder = await mkdtemp(join(workFolder, "quantise-"));
  try {
    const { family, type, encoderInput, licence } = exact;
    const path = join(folder, "encoder.onnx");
    const ask = { path: await exact.encoderPath(), to: path, encoderInput, family };
    const { products, parameters } = orRefused(await stagingChildren.run("quantise", ask).catch(stopped));
    const { sha256: embeddingId } = await digestFile(path);
    await check({ ...exact, name, embeddingId, encoderPath: () => Promise.resolve(path) }, exact);
    const source = builtInModel(of) ? null : await models.manifest(of);
    const decoder = await exact.decoderWeights();
    const staged = {
      family,
      type,
      format,
      encoder: { input: encoderInput, graph: "encoder.onnx", files: [{ file: "encoder.onnx", path }] },
      decoder,
      parameters: source?.parameters ?? parameters + numbersOf(decoder),
      says: source?.source.says ?? {},
      notes: [],
    };
    const stored = { store, models, name, licence, paths: [], workFolder };
    return { manifest: await storeBaseModel(staged, files, folder, stored), isNew: true, products };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What the new encoder is made of: the files that an import left, or the one of a model that comes with the package. */
async function sourceFiles(exact: BaseModel, models: BaseModels): Promise<SourceFiles> {
  const manifest = builtInModel(exact.name) ? null : await models.manifest(exact.name);
  if (manifest && "of" in manifest.encoder) return sourceFiles(await models.get(manifest.encoder.of), models);
  if (manifest && "files" in manifest.encoder)
    return manifest.encoder.files.map(({ file, bytes, sha256 }) => ({ file, bytes, sha256 }));
  const path = await exact.encoderPath();
  return [{ file: basename(path), ...(await digestFile(path)) }];
}

const numbersOf = (tensors: NamedTensors): number =>
  Object.values(tensors).reduce((sum, { data }) => sum + data.length, 0);
