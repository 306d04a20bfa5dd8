import { and, asc, count, eq, gt, inArray, isNotNull, type SQL, sql } from "drizzle-orm";
import type { PgColumn } from "drizzle-orm/pg-core";
import type { Executor } from "../client.ts";
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
}

export interface ExportedAnnotation extends Place {
  readonly imageId: string;
  readonly counts: string;
  readonly area: number;
  readonly box: [number, number, number, number];
  readonly label: string | null;
  /** Of its image. */
  readonly width: number;
  readonly height: number;
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

/** File names that more than one image of the project has. */
export async function selectSharedNames(tx: Executor, scope: ProjectScope): Promise<Set<string>> {
  const rows = await tx
    .select({ fileName: images.fileName })
    .from(images)
    .where(and(inProject(images, scope), isNotNull(images.fileName)))
    .groupBy(images.fileName)
    .having(gt(count(), 1));
  return new Set(rows.map((row) => row.fileName as string));
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

/** All annotations of a project, oldest first, as many at a time as fit. */
export async function* annotationPages(
  tx: Executor,
  scope: ProjectScope,
  limits: PageLimits,
): AsyncGenerator<ExportedAnnotation[], void, undefined> {
  for (let after: Place | null = null; ;) {
    const planned: (Place & { bytes: number })[] = await tx
      .select({
        id: annotations.id,
        createdAt: annotations.createdAt,
        bytes: sql<number>`octet_length(${annotations.counts})`,
      })
      .from(annotations)
      .where(and(inProject(annotations, scope), beyond(annotations, after)))
      .orderBy(asc(annotations.createdAt), asc(annotations.id))
      .limit(limits.rows);
    for (const ids of fitting(planned, limits.bytes)) yield await annotationsOf(tx, scope, ids);
    after = planned.at(-1) ?? null;
    if (planned.length < limits.rows) return;
  }
}

/** In groups of so many bytes, at least one in each. */
function* fitting(planned: readonly (Place & { bytes: number })[], most: number): Generator<string[]> {
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
      width: images.width,
      height: images.height,
    })
    .from(annotations)
    .innerJoin(images, eq(images.id, annotations.imageId))
    .where(and(inProject(annotations, scope), inArray(annotations.id, [...ids])))
    .orderBy(asc(annotations.createdAt), asc(annotations.id));
