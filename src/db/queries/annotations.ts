import { and, countDistinct, desc, eq, inArray, sql } from "../drizzle.ts";
import { AppError } from "../../lib/errors.ts";
import type { Executor } from "../client.ts";
import { annotations, images } from "../schema/index.ts";
import { imageNotFound } from "./images.ts";
import { behind, cutByBytes, type Page, type PageRequest, type PlannedPage } from "./page.ts";
import { inProject, type ProjectScope } from "./scope.ts";

type Row = typeof annotations.$inferSelect;
/** With the size of its image, which its RLE needs. */
export type Annotation = Row & { width: number; height: number };

const notFound = (id: string): AppError =>
  new AppError("annotation_not_found", `There is no annotation ${id} in this project.`, {
    param: "annotation_id",
  });

const select = (db: Executor) =>
  db
    .select({ annotation: annotations, width: images.width, height: images.height })
    .from(annotations)
    .innerJoin(images, eq(images.id, annotations.imageId));

const flat = (row: { annotation: Row; width: number; height: number }): Annotation => ({
  ...row.annotation,
  width: row.width,
  height: row.height,
});

export async function insertAnnotation(
  db: Executor,
  row: Omit<typeof annotations.$inferInsert, "createdAt">,
): Promise<Row> {
  const [annotation] = await db.insert(annotations).values(row).returning();
  return annotation as Row;
}

/**
 * Adds one that came through the API to an image of the project, in one statement.
 * Throws AppError image_not_found where the image is not there any more.
 */
export async function addAnnotation(
  db: Executor,
  row: Pick<Row, "id" | "workspaceId" | "projectId" | "imageId" | "counts" | "area" | "box" | "label">,
): Promise<Row> {
  const [added] = await db.execute<{ created_at: string }>(sql`
    insert into annotations (id, workspace_id, project_id, image_id, counts, area, box, label, source)
    select ${row.id}::text, workspace_id, project_id, id, ${row.counts}::text, ${row.area}::int,
      ${JSON.stringify(row.box)}::jsonb, ${row.label}::text, 'api'
    from images where id = ${row.imageId}::text and project_id = ${row.projectId}::text
      and workspace_id = ${row.workspaceId}::text
    for key share returning created_at`);
  if (!added) throw imageNotFound(row.imageId);
  return { ...row, source: "api", lineage: null, origin: null, createdAt: new Date(added.created_at) };
}

/** Throws AppError annotation_not_found. */
export async function getAnnotation(db: Executor, scope: ProjectScope, id: string): Promise<Annotation> {
  const [row] = await select(db).where(and(inProject(annotations, scope), eq(annotations.id, id)));
  if (!row) throw notFound(id);
  return flat(row);
}

/** The annotations of a page, newest first: as many as were asked for, or as few as have `maxPageBytes` of masks. */
export async function planPage(
  db: Executor,
  scope: ProjectScope,
  page: PageRequest & { imageId?: string | undefined },
): Promise<PlannedPage> {
  const ofImage = page.imageId === undefined ? undefined : eq(annotations.imageId, page.imageId);
  const rows = await db
    .select({ id: annotations.id, bytes: sql<number>`octet_length(${annotations.counts})` })
    .from(annotations)
    .where(and(inProject(annotations, scope), ofImage, behind(annotations, page.after)))
    .orderBy(desc(annotations.createdAt), desc(annotations.id))
    .limit(page.limit + 1);
  return cutByBytes(rows, page.limit);
}

/** The rows of a planned page that are still there. */
export async function readPage(
  db: Executor,
  scope: ProjectScope,
  { ids, hasMore }: PlannedPage,
): Promise<Page<Annotation>> {
  if (ids.length === 0) return { rows: [], hasMore };
  const rows = await select(db)
    .where(and(inProject(annotations, scope), inArray(annotations.id, [...ids])))
    .orderBy(desc(annotations.createdAt), desc(annotations.id));
  return { rows: rows.map(flat), hasMore };
}

/** Throws AppError annotation_not_found. */
export async function deleteAnnotation(db: Executor, scope: ProjectScope, id: string): Promise<void> {
  const deleted = await db
    .delete(annotations)
    .where(and(inProject(annotations, scope), eq(annotations.id, id)))
    .returning({ id: annotations.id });
  if (deleted.length === 0) throw notFound(id);
}

/** How many images of the project carry at least one annotation. */
export async function countAnnotatedImages(db: Executor, scope: ProjectScope): Promise<number> {
  const [row] = await db
    .select({ n: countDistinct(annotations.imageId) })
    .from(annotations)
    .where(inProject(annotations, scope));
  return row?.n ?? 0;
}
