import { and, desc, eq, inArray, lt } from "drizzle-orm";
import { AppError } from "../../lib/errors.ts";
import type { Executor } from "../client.ts";
import { versions } from "../schema/index.ts";
import { cut, type Page } from "./page.ts";
import { inProject, type ProjectScope } from "./scope.ts";

export type Version = typeof versions.$inferSelect;

export const versionNotFound = (number: number, param = "version"): AppError =>
  new AppError("version_not_found", `This project has no version ${number}.`, { param });

/** Throws AppError version_not_found. */
export async function getVersion(
  db: Executor,
  scope: ProjectScope,
  number: number,
  param?: string,
): Promise<Version> {
  const [version] = await db
    .select()
    .from(versions)
    .where(and(inProject(versions, scope), eq(versions.number, number)));
  if (!version) throw versionNotFound(number, param);
  return version;
}

/** What decoding needs of each; in no order, and without those that are not there. */
export async function selectWeights(
  db: Executor,
  scope: ProjectScope,
  numbers: readonly number[],
): Promise<Pick<Version, "number" | "weightsKey" | "weightsSha256">[]> {
  if (numbers.length === 0) return [];
  return db
    .select({
      number: versions.number,
      weightsKey: versions.weightsKey,
      weightsSha256: versions.weightsSha256,
    })
    .from(versions)
    .where(and(inProject(versions, scope), inArray(versions.number, [...numbers])));
}

/** Highest number first; `below` is the last number of the page before. */
export async function listVersions(
  db: Executor,
  scope: ProjectScope,
  page: { limit: number; below?: number | undefined },
): Promise<Page<Version>> {
  const rows = await db
    .select()
    .from(versions)
    .where(
      and(inProject(versions, scope), page.below === undefined ? undefined : lt(versions.number, page.below)),
    )
    .orderBy(desc(versions.number))
    .limit(page.limit + 1);
  return cut(rows, page.limit);
}
