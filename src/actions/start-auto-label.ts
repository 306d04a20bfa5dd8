import { type AutoLabel, insertAutoLabel } from "../db/queries/auto-labels.ts";
import { holdProject } from "../db/queries/projects.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
import { getVersion, requireFinder } from "../db/queries/versions.ts";
import { AppError } from "../lib/errors.ts";
import { newId } from "../lib/ids.ts";
import type { VersionName } from "./asked-versions.ts";
import type { ActionContext } from "./context.ts";

export interface AskedAutoLabel {
  readonly version: VersionName;
  /** Label scores from which objects are proposed, in [0, 1]; null is the finder's own. */
  readonly threshold: number | null;
  /** Objects of one image at most. */
  readonly maxObjects: number;
  /** Null is all of the finder's. */
  readonly labels: readonly (string | null)[] | null;
}

/**
 * Queues a look for objects in all images without annotations, which a trainer claims. Throws AppError project_not_found,
 * version_not_found, finder_missing, label_unknown, auto_label_running.
 */
export async function startAutoLabel(
  { db }: ActionContext,
  scope: ProjectScope,
  { version: name, threshold, maxObjects, labels }: AskedAutoLabel,
): Promise<AutoLabel> {
  return db.transaction(async (tx) => {
    const project = await holdProject(tx, scope);
    const number = name === "active" ? (project.activeVersion ?? 0) : name === "base" ? 0 : name;
    const finder = requireFinder(number === 0 ? { number } : await getVersion(tx, scope, number));
    for (const [i, label] of (labels ?? []).entries())
      if (!finder.labels.includes(label))
        throw new AppError(
          "label_unknown",
          `labels[${i}]: version ${number} was not taught ${label === null ? "objects without a label" : JSON.stringify(label)}.`,
          { param: `labels[${i}]` },
        );
    return insertAutoLabel(tx, {
      ...scope,
      id: newId("al"),
      version: number,
      threshold,
      maxObjects,
      labels: labels && [...labels],
    });
  });
}
