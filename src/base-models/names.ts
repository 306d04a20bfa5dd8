import { builtInModel } from "../checkpoint/base-models.ts";
import { RefusedFile } from "../checkpoint/refused.ts";
import { autoBase } from "../domain/base-choice.ts";
import type { BaseModelManifest } from "./manifest.ts";
import { isBaseModelName } from "./registry.ts";

export type SourceFiles = BaseModelManifest["source"]["files"];

/** Throws RefusedFile `name_taken` where a new base model can't be called so. */
export function checkName(name: string): void {
  if (!isBaseModelName(name))
    throw new RefusedFile(
      "name_taken",
      `"${name}" can't be a name: up to 64 of a-z, 0-9, _ and -, the first no sign`,
    );
  if (name === autoBase)
    throw new RefusedFile("name_taken", `"${autoBase}" is what projects write that let a fine-tune choose`);
  if (builtInModel(name)) throw new RefusedFile("name_taken", `${name} is a built-in model`);
}

/** The manifest, when it was made of these files. Throws RefusedFile `name_taken` when it was made of others. */
export function sameSource(manifest: BaseModelManifest, files: SourceFiles): BaseModelManifest {
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
