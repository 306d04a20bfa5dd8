import { and, eq, inArray, isNull, notExists, sql } from "../drizzle.ts";
import type { Executor } from "../client.ts";
import { annotations, images } from "../schema/index.ts";
import type { NewImage } from "./images.ts";
import { inProject, type ProjectScope } from "./scope.ts";

export interface NewAnnotation {
  readonly id: string;
  readonly imageId: string;
  readonly counts: string;
  readonly area: number;
  readonly box: readonly [number, number, number, number];
  readonly label: string | null;
}

/** Rows of one statement: Postgres takes 65,535 parameters, an image has 11. */
export const rowsPerStatement = 1000;

/** The hashes of those that are new; bytes that the project has already are left as they are. */
export async function insertNewImages(tx: Executor, rows: readonly NewImage[]): Promise<string[]> {
  const inserted = await tx
    .insert(images)
    .values([...rows])
    .onConflictDoNothing({ target: [images.projectId, images.sha256] })
    .returning({ sha256: images.sha256 });
  return inserted.map((row) => row.sha256);
}

/** Ids by hash, the rows held against deletion until the transaction ends. */
export async function holdImageIds(
  tx: Executor,
  scope: ProjectScope,
  hashes: readonly string[],
): Promise<Map<string, string>> {
  const rows = await tx
    .select({ id: images.id, sha256: images.sha256 })
    .from(images)
    .where(and(inProject(images, scope), inArray(images.sha256, [...hashes])))
    .for("key share");
  return new Map(rows.map((row) => [row.sha256, row.id]));
}

/** Gives an image its group unless it has one. */
export async function fillSplitGroup(
  tx: Executor,
  scope: ProjectScope,
  imageId: string,
  splitGroup: string,
): Promise<void> {
  await tx
    .update(images)
    .set({ splitGroup })
    .where(and(inProject(images, scope), eq(images.id, imageId), isNull(images.splitGroup)));
}

/** Says of images that they hold nothing, unless they carry annotations. */
export async function markKnownEmpty(
  tx: Executor,
  scope: ProjectScope,
  imageIds: readonly string[],
): Promise<void> {
  const marks = tx
    .select({ one: sql`1` })
    .from(annotations)
    .where(eq(annotations.imageId, images.id));
  await tx
    .update(images)
    .set({ knownEmpty: true })
    .where(and(inProject(images, scope), inArray(images.id, [...imageIds]), notExists(marks)));
}

/** The masks that some images have already. */
export async function selectMasks(
  tx: Executor,
  scope: ProjectScope,
  imageIds: readonly string[],
): Promise<{ imageId: string; counts: string; label: string | null }[]> {
  return tx
    .select({ imageId: annotations.imageId, counts: annotations.counts, label: annotations.label })
    .from(annotations)
    .where(and(inProject(annotations, scope), inArray(annotations.imageId, [...imageIds])));
}

/** As one text of JSON: a parameter a value takes several times as long, here and in Postgres. */
export async function insertAnnotations(
  tx: Executor,
  { workspaceId, projectId }: ProjectScope,
  rows: readonly NewAnnotation[],
): Promise<void> {
  // A text that Unicode has no bytes for would end the statement.
  const text = JSON.stringify(rows.map((row) => ({ ...row, label: row.label?.toWellFormed() ?? null })));
  await tx.execute(sql`
    insert into ${annotations} (id, workspace_id, project_id, image_id, counts, area, box, label, source)
    select id, ${workspaceId}, ${projectId}, "imageId", counts, area, box, label, 'import'
    from json_to_recordset(${text}::json)
      as row (id text, "imageId" text, counts text, area integer, box jsonb, label text)`);
}
