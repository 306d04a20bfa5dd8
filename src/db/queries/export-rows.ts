import { and, asc, count, eq, gt, inArray, isNotNull, type PgColumn, type SQL, sql } from "../drizzle.ts";
import type { Executor } from "../client.ts";
import type { Part } from "../../domain/data-import.ts";
import { annotations, images } from "../schema/index.ts";
import type { Place } from "./page.ts";
import { inProject, type ProjectScope } from "./scope.ts";

/** An image as other programs are told of it. */
export interface ExportedImage extends Place {
  readonly sha256: string;
  readonly width: number;
  readonly height: number;
  readonly format: string;
  readonly fileName: string | null;
  readonly splitGroup: string | null;
  /** The user's own part of the data that it is in. */
  readonly part: Part | null;
  /** Whether it is known to hold no object, and not just unannotated. */
  readonly knownEmpty: boolean;
}

export interface ExportedAnnotation extends Place {
  readonly imageId: string;
  readonly counts: string;
  readonly area: number;
  readonly box: [number, number, number, number];
  readonly label: string | null;
}

/** Oldest first, which the (project_id, created_at, id) indexes serve. */
const beyond = (table: { createdAt: PgColumn; id: PgColumn }, place: Place | null): SQL | undefined =>
  place
    ? sql`(${table.createdAt}, ${table.id}) > (${place.createdAt.toISOString()}::timestamptz, ${place.id})`
    : undefined;

/** The labels of a project's annotations, in the order of their names; null last, where some have none. */
export async function selectLabels(tx: Executor, scope: ProjectScope): Promise<(string | null)[]> {
  const rows = await tx
    .selectDistinct({ label: annotations.label })
    .from(annotations)
    .where(inProject(annotations, scope))
    .orderBy(asc(annotations.label));
  return rows.map((row) => row.label);
}

/**
 * File names that more than one image of the project has; `stems`: without their extensions, in lower case, as files beside
 * images are called.
 */
export async function selectSharedNames(
  tx: Executor,
  scope: ProjectScope,
  { stems }: { stems: boolean },
): Promise<Set<string>> {
  const stem = sql<string>`lower(regexp_replace(${images.fileName}, '\\.[^./]*$', ''))`;
  const rows = await tx
    .select({ name: stems ? stem : sql<string>`${images.fileName}` })
    .from(images)
    .where(and(inProject(images, scope), isNotNull(images.fileName)))
    .groupBy(sql`1`)
    .having(gt(count(), 1));
  return new Set(rows.map((row) => row.name));
}

/** Pixels of the project's largest image; 0 where it has none. */
export async function selectMostPixels(tx: Executor, scope: ProjectScope): Promise<number> {
  const [row] = await tx
    .select({ most: sql<string | null>`max(${images.width}::bigint * ${images.height})` })
    .from(images)
    .where(inProject(images, scope));
  return Number(row?.most ?? 0);
}

export async function pageOfImages(
  tx: Executor,
  scope: ProjectScope,
  after: Place | null,
  limit: number,
): Promise<ExportedImage[]> {
  return tx
    .select({
      id: images.id,
      createdAt: images.createdAt,
      sha256: images.sha256,
      format: images.format,
      width: images.width,
      height: images.height,
      fileName: images.fileName,
      splitGroup: images.splitGroup,
      part: images.part,
      knownEmpty: images.knownEmpty,
    })
    .from(images)
    .where(and(inProject(images, scope), beyond(images, after)))
    .orderBy(asc(images.createdAt), asc(images.id))
    .limit(limit);
}

/** Rows of one query, whose masks have no more than so many bytes together, but for one that has more by itself. */
export interface PageLimits {
  readonly rows: number;
  readonly bytes: number;
}

/** All annotations of some images, in the images' order and oldest first, as many at a time as fit. */
export async function* annotationPages(
  tx: Executor,
  scope: ProjectScope,
  imageIds: readonly string[],
  limits: PageLimits,
): AsyncGenerator<ExportedAnnotation[], void, undefined> {
  if (imageIds.length === 0) return;
  for (let after: PlannedRow | null = null; ;) {
    const planned: PlannedRow[] = await tx
      .select({
        id: annotations.id,
        createdAt: annotations.createdAt,
        imageId: images.id,
        imageCreatedAt: images.createdAt,
        bytes: sql<number>`octet_length(${annotations.counts})`,
      })
      .from(annotations)
      .innerJoin(images, eq(images.id, annotations.imageId))
      .where(
        and(
          inProject(annotations, scope),
          inArray(annotations.imageId, [...imageIds]),
          after ? behindRow(after) : undefined,
        ),
      )
      .orderBy(...inOrder)
      .limit(limits.rows);
    for (const ids of fitting(planned, limits.bytes)) yield await annotationsOf(tx, scope, ids);
    after = planned.at(-1) ?? null;
    if (planned.length < limits.rows) return;
  }
}

interface PlannedRow extends Place {
  readonly imageId: string;
  readonly imageCreatedAt: Date;
  readonly bytes: number;
}

const inOrder = [asc(images.createdAt), asc(images.id), asc(annotations.createdAt), asc(annotations.id)];

const behindRow = ({ imageCreatedAt, imageId, createdAt, id }: PlannedRow): SQL =>
  sql`(${images.createdAt}, ${images.id}, ${annotations.createdAt}, ${annotations.id}) > (${imageCreatedAt.toISOString()}::timestamptz, ${imageId}, ${createdAt.toISOString()}::timestamptz, ${id})`;

/** In groups of so many bytes, at least one in each. */
function* fitting(planned: readonly PlannedRow[], most: number): Generator<string[]> {
  let [ids, bytes]: [string[], number] = [[], 0];
  for (const row of planned) {
    if (ids.length > 0 && bytes + row.bytes > most) {
      yield ids;
      [ids, bytes] = [[], 0];
    }
    ids.push(row.id);
    bytes += row.bytes;
  }
  if (ids.length > 0) yield ids;
}

const annotationsOf = async (
  tx: Executor,
  scope: ProjectScope,
  ids: readonly string[],
): Promise<ExportedAnnotation[]> =>
  tx
    .select({
      id: annotations.id,
      createdAt: annotations.createdAt,
      imageId: annotations.imageId,
      counts: annotations.counts,
      area: annotations.area,
      box: annotations.box,
      label: annotations.label,
    })
    .from(annotations)
    .innerJoin(images, eq(images.id, annotations.imageId))
    .where(and(inProject(annotations, scope), inArray(annotations.id, [...ids])))
    .orderBy(...inOrder);
