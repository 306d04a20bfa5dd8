import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { builtInModel } from "../checkpoint/base-models.ts";
import { RefusedFile } from "../checkpoint/refused.ts";
import { type BaseModelManifest } from "./manifest.ts";
import { isBaseModelName } from "./registry.ts";
import { ChildPool } from "../lib/child/pool.ts";
import { digestFile } from "../lib/hash.ts";
import type { ImportOptions } from "./options.ts";
import { lostText } from "./lost.ts";
import { findSource, type Source } from "./open.ts";
import { orRefused, stopped } from "./read-decoder.ts";
import type * as stageChild from "./staging/stage-child.ts";
import { storeBaseModel } from "./store-base-model.ts";

export interface Imported {
  readonly manifest: BaseModelManifest;
  /** False when the same files had been imported under this name before. */
  readonly isNew: boolean;
  /** What the model lacks of what the file was exported from, for people. */
  readonly lost: string;
  /** What was decided or left out while its files were read, for people; none of a model that was there before. */
  readonly notes: readonly string[];
}

/**
 * Makes a base model of a file: reads and checks all of it, and only then stores it, its manifest last.
 * Throws RefusedFile, with nothing stored; AppError when the store fails, or base_model_unknown for `encoderOf`.
 */
export async function importBaseModel(options: ImportOptions): Promise<Imported> {
  const { name, models, workFolder } = options;
  if (!isBaseModelName(name))
    throw new RefusedFile(
      "name_taken",
      `"${name}" can't be a name: up to 64 of a-z, 0-9, _ and -, the first no sign`,
    );
  if (builtInModel(name)) throw new RefusedFile("name_taken", `${name} is a built-in model`);
  const source = await findSource(options.paths);
  const files = await digests(source);
  const present = await models.manifest(name);
  if (present) return imported(sameSource(present, files), false, []);

  await mkdir(workFolder, { recursive: true });
  const folder = await mkdtemp(join(workFolder, "import-"));
  try {
    const { paths, architectures } = options;
    const staged = orRefused(await children.run("stage", { paths, folder, architectures }).catch(stopped));
    return imported(await storeBaseModel(staged, files, folder, options), true, staged.notes);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const imported = (manifest: BaseModelManifest, isNew: boolean, notes: readonly string[]): Imported => ({
  manifest,
  isNew,
  lost: lostText(manifest.source.says ?? {}),
  notes,
});

/** Roomy: whoever imports a base model owns the machine, and the encoder of ViT-H takes 2.5 GB to be tried. */
const children = new ChildPool<typeof stageChild>({
  module: new URL("./staging/stage-child.ts", import.meta.url),
  limits: { heapMiB: 1024, memoryMiB: 16 * 1024, silenceMs: 30 * 60_000, valueMiB: 64 },
  most: 1,
});

type SourceFiles = BaseModelManifest["source"]["files"];

const digests = async (source: Source): Promise<SourceFiles> => {
  const paths =
    source.kind === "weights"
      ? [source.path]
      : [...source.graphs, ...(source.weights ? [source.weights.path] : [])];
  const files: SourceFiles = [];
  for (const path of paths) files.push({ file: basename(path), ...(await digestFile(path)) });
  return files;
};

/** The manifest, when it was made of these files. Throws RefusedFile `name_taken` when it was made of others. */
function sameSource(manifest: BaseModelManifest, files: SourceFiles): BaseModelManifest {
  const hashes = (list: SourceFiles): string =>
    list
      .map(({ sha256 }) => sha256)
      .sort()
      .join();
  if (hashes(manifest.source.files) === hashes(files)) return manifest;
  throw new RefusedFile(
    "name_taken",
    `${manifest.name} is the name of another base model, imported from other files`,
  );
}
