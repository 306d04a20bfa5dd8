import { z } from "@hono/zod-openapi";
import type { Project } from "../../db/queries/projects.ts";
import type { ProjectScope } from "../../db/queries/scope.ts";
import { selectWeights, versionNotFound } from "../../db/queries/versions.ts";
import type { VersionRef } from "../../inference/types.ts";
import { knownAs } from "./known.ts";
import type { RouteContext } from "./env.ts";
import { versionNumber } from "./scope.ts";

const maxVersions = 16;

/** One version by name or number. */
export const versionName = z.union([z.literal("active"), z.literal("base"), versionNumber()]);

/** One version, or several side by side. */
export const versionNames = z
  .union([versionName, z.array(versionName).min(1).max(maxVersions)])
  .default("active")
  .openapi({ description: "active, base, a number, or a list of them; one named twice answers once." });

/** Names to weights, each version once, in the order asked. Throws AppError version_not_found. */
export async function resolveVersions(
  services: Pick<RouteContext, "db" | "known">,
  scope: ProjectScope,
  project: Project,
  asked: z.output<typeof versionNames>,
): Promise<VersionRef[]> {
  const names = Array.isArray(asked) ? asked : [asked];
  const numberOf = (name: (typeof names)[number]): number => {
    if (name === "active") return project.activeVersion ?? 0;
    return name === "base" ? 0 : name;
  };
  return refsOf(services, scope, [...new Set(names.map(numberOf))]);
}

/** The weights of versions by number, 0 the base, in the order given. Throws AppError version_not_found. */
export async function refsOf(
  { db, known }: Pick<RouteContext, "db" | "known">,
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
