import type { ModelFamily } from "../domain/model-family.ts";
import { AppError } from "../lib/errors.ts";

/**
 * Throws AppError base_model_unsupported where the base model is of another family than SAM's: an embedding of theirs has
 * parts that CVAT's plugin, which takes SAM's alone, would not miss.
 */
export function requireSam({ name, family }: { readonly name: string; readonly family: ModelFamily }): void {
  if (family === "sam") return;
  throw new AppError(
    "base_model_unsupported",
    `The project's base_model "${name}" is of another family than SAM's, whose decoder alone CVAT's plugin runs; use the interactor instead.`,
  );
}
