import { and, asc, count, eq, gt, isNotNull, type SQL, sql } from "drizzle-orm";
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

export async function pageOfAnnotations(
  tx: Executor,
  scope: ProjectScope,
  after: Place | null,
  limit: number,
): Promise<ExportedAnnotation[]> {
  return tx
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
    .where(and(inProject(annotations, scope), beyond(annotations, after)))
    .orderBy(asc(annotations.createdAt), asc(annotations.id))
    .limit(limit);
}
