import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { adapterAlone } from "./adapter.ts";
import { type BaseModelManifest } from "./manifest.ts";
import { digestFile } from "../lib/hash.ts";
import type { ImportOptions } from "./options.ts";
import { lostText } from "./lost.ts";
import { checkName, sameSource, type SourceFiles } from "./names.ts";
import { findSource, type Source } from "./open.ts";
import { orRefused, stopped } from "./read-decoder.ts";
import { stagingChildren } from "./staging/children.ts";
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
  checkName(name);
  const source = await findSource(options.paths);
  if (source.kind === "weights" && source.adapter !== undefined) throw adapterAlone();
  const files = await digests(source);
  const present = await models.manifest(name);
  if (present) return imported(sameSource(present, files), false, []);

  await mkdir(workFolder, { recursive: true });
  const folder = await mkdtemp(join(workFolder, "import-"));
  try {
    const { paths, architectures } = options;
    const staged = orRefused(
      await stagingChildren.run("stage", { paths, folder, architectures }).catch(stopped),
    );
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

const digests = async (source: Source): Promise<SourceFiles> => {
  const paths =
    source.kind === "weights" ? source.paths : [...source.graphs, ...(source.weights?.paths ?? [])];
  const files: SourceFiles = [];
  for (const path of paths) files.push({ file: basename(path), ...(await digestFile(path)) });
  return files;
};
