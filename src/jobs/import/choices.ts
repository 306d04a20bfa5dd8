import type { DatasetTask } from "../../datasets/dataset-child.ts";
import type { ImportOptions } from "../../domain/data-import.ts";

/** What the caller chose, as a data set is read. */
export const choicesOf = (options: ImportOptions): DatasetTask["choices"] => {
  const { masks, splitParts, maxSkippedShare, annotators } = options;
  return {
    ...(masks !== undefined && { masks }),
    ...(splitParts !== undefined && { splitParts }),
    ...(maxSkippedShare !== undefined && { maxSkippedShare }),
    ...(annotators !== undefined && { annotators }),
  };
};
