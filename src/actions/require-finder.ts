import type { Finder } from "../domain/finder.ts";
import { AppError } from "../lib/errors.ts";

/** What finds a version's objects; 0 is the base. Throws AppError finder_missing. */
export function requireFinder({
  number,
  finder,
}: {
  readonly number: number;
  readonly finder?: Finder | null | undefined;
}): Finder {
  if (finder) return finder;
  const message =
    number === 0
      ? "version: the base finds nothing by itself, because nobody taught it labels. Name a version that a fine-tune has made, or prompt with boxes or points."
      : `version: version ${number} has no finder. Fine-tune again for a version that finds its objects by itself, or prompt with boxes or points.`;
  throw new AppError("finder_missing", message, { param: "version" });
}
