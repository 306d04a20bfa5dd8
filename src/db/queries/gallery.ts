import { and, asc, count, desc, inArray, not, notInArray, sql } from "../drizzle.ts";
import type { Executor } from "../client.ts";
import { annotations, images } from "../schema/index.ts";
import type { Image } from "./images.ts";
import { isLabelled } from "./labelled.ts";
import { behind, cut, type Page, type PageRequest } from "./page.ts";
import { inProject, type ProjectScope } from "./scope.ts";

/** Which images: by whether they carry annotations, and by their ids. */
export interface GalleryFilter {
  readonly labelled?: boolean | undefined;
  /** Whether those without annotations are known to hold nothing. */
  readonly knownEmpty?: boolean | undefined;
  /** Whether a person is asked if all on them is annotated. */
  readonly asked?: boolean | undefined;
  readonly only?: readonly string[] | undefined;
  readonly except?: readonly string[] | undefined;
}

export interface Overlay {
  readonly id: string;
  readonly imageId: string;
  readonly label: string | null;
  readonly counts: string;
}

/** Newest first. */
export async function listGallery(
  db: Executor,
  scope: ProjectScope,
  filter: GalleryFilter,
  page: PageRequest,
): Promise<Page<Image>> {
  const labelled = isLabelled(db);
  const rows = await db
    .select()
    .from(images)
    .where(
      and(
        inProject(images, scope),
        filter.labelled === undefined ? undefined : filter.labelled ? labelled : not(labelled),
        // As columns: an index of the few is not used for a value that comes as a parameter.
        filter.knownEmpty === undefined
          ? undefined
          : filter.knownEmpty
            ? images.knownEmpty
            : not(images.knownEmpty),
        filter.asked === undefined
          ? undefined
          : filter.asked
            ? images.completeAsked
            : not(images.completeAsked),
        filter.only && inArray(images.id, [...filter.only]),
        filter.except && filter.except.length > 0 ? notInArray(images.id, [...filter.except]) : undefined,
        behind(images, page.after),
      ),
    )
    .orderBy(desc(images.createdAt), desc(images.id))
    .limit(page.limit + 1);
  return cut(rows, page.limit);
}

/** Bytes of the masks of some images, as text, by image. */
export async function sizeOverlays(
  db: Executor,
  scope: ProjectScope,
  imageIds: readonly string[],
): Promise<Map<string, number>> {
  if (imageIds.length === 0) return new Map();
  const { imageId, counts } = annotations;
  const rows = await db
    .select({ imageId, bytes: sql<number>`sum(octet_length(${counts}))::float8` })
    .from(annotations)
    .where(and(inProject(annotations, scope), inArray(imageId, [...imageIds])))
    .groupBy(imageId);
  return new Map(rows.map((row) => [row.imageId, row.bytes]));
}

/** The annotations of some images, oldest first. */
export async function listOverlays(
  db: Executor,
  scope: ProjectScope,
  imageIds: readonly string[],
): Promise<Overlay[]> {
  if (imageIds.length === 0) return [];
  const { id, imageId, label, counts } = annotations;
  return db
    .select({ id, imageId, label, counts })
    .from(annotations)
    .where(and(inProject(annotations, scope), inArray(annotations.imageId, [...imageIds])))
    .orderBy(asc(annotations.createdAt), asc(annotations.id));
}

/** How much of everything a project holds. */
export async function countGallery(
  db: Executor,
  scope: ProjectScope,
): Promise<{
  images: number;
  labelled: number;
  empty: number;
  asked: number;
  annotations: number;
  cover: string | null;
}> {
  const [all] = await db.select({ n: count() }).from(images).where(inProject(images, scope));
  const [marks] = await db
    .select({ n: count(), images: sql<number>`count(distinct image_id)::int` })
    .from(annotations)
    .where(inProject(annotations, scope));
  const [empty] = await db
    .select({ n: count() })
    .from(images)
    .where(and(inProject(images, scope), images.knownEmpty, not(isLabelled(db))));
  const [asked] = await db
    .select({ n: count() })
    .from(images)
    .where(and(inProject(images, scope), images.completeAsked));
  const [cover] = await db
    .select({ id: images.id })
    .from(images)
    .where(and(inProject(images, scope), marks && marks.n > 0 ? isLabelled(db) : undefined))
    .orderBy(asc(images.createdAt), asc(images.id))
    .limit(1);
  return {
    images: all?.n ?? 0,
    labelled: marks?.images ?? 0,
    empty: empty?.n ?? 0,
    asked: asked?.n ?? 0,
    annotations: marks?.n ?? 0,
    cover: cover?.id ?? null,
  };
}

/** The labels in use, most used first, at most 50. */
export async function countLabels(
  db: Executor,
  scope: ProjectScope,
): Promise<{ label: string; annotations: number }[]> {
  const rows = await db
    .select({ label: annotations.label, annotations: count() })
    .from(annotations)
    .where(and(inProject(annotations, scope), sql`label is not null`))
    .groupBy(annotations.label)
    .orderBy(desc(count()), asc(annotations.label))
    .limit(50);
  return rows.map((row) => ({ label: row.label ?? "", annotations: row.annotations }));
}
