import { and, desc, eq, inArray, lt } from "../drizzle.ts";
import { AppError } from "../../lib/errors.ts";
import type { Finder } from "../../domain/finder.ts";
import { isPlain } from "../../domain/focus.ts";
import type { Executor } from "../client.ts";
import { type OfTraining, versions } from "../schema/index.ts";
import type { HeldOutScores } from "../../domain/evaluation.ts";
import { cut, type Page } from "./page.ts";
import { inProject, type ProjectScope } from "./scope.ts";

export type Version = typeof versions.$inferSelect;
/** A version that a fine-tune made. */
export type TunedVersion = Version & { [Column in OfTraining]: NonNullable<Version[Column]> };

/** A check in the database holds all of it together. */
export const isTuned = (version: Version): version is TunedVersion => version.imported === null;

export const versionNotFound = (number: number, param = "version"): AppError =>
  new AppError("version_not_found", `This project has no version ${number}.`, { param });

/**
 * How a version's decoder does by itself, on the whole image and nothing refined: as the version does where its focus is
 * plain. Null where that was not measured.
 */
export const decoderAloneOf = ({
  metrics,
  focus,
}: Pick<Version, "metrics" | "focus">): HeldOutScores | null =>
  metrics?.heldOut.decoderAlone ?? (metrics && isPlain(focus) ? metrics.heldOut.tuned : null);

/** A version as it was when it was judged: what has not seen the images that are held out. */
export function asJudged<T extends Pick<Version, "weightsKey" | "weightsSha256" | "focus" | "refit">>(
  version: T,
): T {
  if (!version.refit) return version;
  const { weightsKey, weightsSha256, focus } = version.refit.twin;
  return { ...version, weightsKey, weightsSha256, focus };
}

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

/** The same of a version that a fine-tune made. Throws an Error where it was imported. */
export async function getTunedVersion(
  db: Executor,
  scope: ProjectScope,
  number: number,
): Promise<TunedVersion> {
  const version = await getVersion(db, scope, number);
  if (!isTuned(version)) throw new Error(`version ${number} was imported`);
  return version;
}

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

/** What decoding needs of each; in no order, and without those that are not there. */
export async function selectWeights(
  db: Executor,
  scope: ProjectScope,
  numbers: readonly number[],
): Promise<Pick<Version, "number" | "weightsKey" | "weightsSha256" | "focus" | "finder">[]> {
  if (numbers.length === 0) return [];
  return db
    .select({
      number: versions.number,
      weightsKey: versions.weightsKey,
      weightsSha256: versions.weightsSha256,
      focus: versions.focus,
      finder: versions.finder,
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
