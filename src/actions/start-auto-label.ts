import { type AutoLabel, insertAutoLabel } from "../db/queries/auto-labels.ts";
import { holdProject } from "../db/queries/projects.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
import { getVersion, requireFinder } from "../db/queries/versions.ts";
import type { Finder } from "../domain/finder.ts";
import { AppError } from "../lib/errors.ts";
import { newId } from "../lib/ids.ts";
import type { VersionName } from "./asked-versions.ts";
import type { ActionContext } from "./context.ts";
import { labelsNamed } from "./find-asks.ts";

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
    return insertAutoLabel(tx, {
      ...scope,
      id: newId("al"),
      version: number,
      threshold,
      maxObjects,
      labels: labels && labelsOf(labels, { number, finder }),
    });
  });
}

/** Labels as the version has them, each once. Throws AppError label_unknown. */
function labelsOf(
  asked: readonly (string | null)[],
  version: { readonly number: number; readonly finder: Finder },
): (string | null)[] {
  const all = asked.flatMap((label, i) => {
    const param = `labels[${i}]`;
    if (label !== null) return labelsNamed(label, version, param);
    if (version.finder.labels.includes(null)) return [null];
    const message = `${param}: version ${version.number} was taught no objects without a label.`;
    throw new AppError("label_unknown", message, { param });
  });
  return [...new Set(all)];
}
