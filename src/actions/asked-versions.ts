import type { Project } from "../db/queries/projects.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
import { selectWeights, versionNotFound } from "../db/queries/versions.ts";
import type { VersionRef } from "../inference/types.ts";
import { knownAs } from "./known.ts";
import type { ActionContext } from "./context.ts";

/** How a caller names a version: by its alias, by number, or the base. */
export type VersionName = "active" | "base" | number;

/** Names to weights, each version once, in the order asked. Throws AppError version_not_found. */
export async function resolveVersions(
  services: Pick<ActionContext, "db" | "known">,
  scope: ProjectScope,
  project: Project,
  asked: VersionName | readonly VersionName[],
): Promise<VersionRef[]> {
  const names = typeof asked === "object" ? asked : [asked];
  const numberOf = (name: VersionName): number => {
    if (name === "active") return project.activeVersion ?? 0;
    return name === "base" ? 0 : name;
  };
  return refsOf(services, scope, [...new Set(names.map(numberOf))]);
}

/** The weights of versions by number, 0 the base, in the order given. Throws AppError version_not_found. */
export async function refsOf(
  { db, known }: Pick<ActionContext, "db" | "known">,
  scope: ProjectScope,
  numbers: readonly number[],
): Promise<VersionRef[]> {
  const asked = numbers.filter((number) => number > 0 && !known.versions.has(knownAs(scope, number)));
  for (const row of await selectWeights(db, scope, asked))
    known.versions.set(knownAs(scope, row.number), row);
  return numbers.map((number) => {
    if (number === 0) return { number };
    const found = known.versions.get(knownAs(scope, number));
    if (!found) throw versionNotFound(number);
    return found;
  });
}
