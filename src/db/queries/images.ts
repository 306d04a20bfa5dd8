import { and, count, desc, eq, inArray, sql } from "../drizzle.ts";
import { AppError } from "../../lib/errors.ts";
import type { Database, Executor } from "../client.ts";
import { annotations, fineTunes, images, projects } from "../schema/index.ts";
import { openFineTune } from "../../domain/job-states.ts";
import { behind, cut, type Page, type PageRequest } from "./page.ts";
import { inProject, type ProjectScope } from "./scope.ts";

export type Image = typeof images.$inferSelect;
export type NewImage = Omit<typeof images.$inferInsert, "createdAt">;

/**
 * Held until the transaction ends by whoever writes or removes the object of these bytes, so that a failed upload
 * never takes away the object of another one.
 */
export async function lockImageBytes(tx: Executor, objectKey: string): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${objectKey}, 0))`);
}

export async function insertImage(db: Executor, row: NewImage): Promise<Image> {
  const [image] = await db.insert(images).values(row).returning();
  return image as Image;
}

/** The image of these bytes in the project, if it was uploaded before. */
export async function findImageByHash(
  db: Executor,
  scope: ProjectScope,
  sha256: string,
): Promise<Image | undefined> {
  const [image] = await db
    .select()
    .from(images)
    .where(and(inProject(images, scope), eq(images.sha256, sha256)));
  return image;
}

/** Throws AppError image_not_found, also when it is another project's. */
export async function getImage(db: Executor, scope: ProjectScope, id: string): Promise<Image> {
  const [image] = await db
    .select()
    .from(images)
    .where(and(inProject(images, scope), eq(images.id, id)));
  if (!image) throw imageNotFound(id);
  return image;
}

/** The same, and the image can't be deleted until the transaction ends. */
export async function holdImage(db: Executor, scope: ProjectScope, id: string): Promise<Image> {
  const [image] = await db
    .select()
    .from(images)
    .where(and(inProject(images, scope), eq(images.id, id)))
    .for("key share");
  if (!image) throw imageNotFound(id);
  return image;
}

export const imageNotFound = (id: string, param = "image_id"): AppError =>
  new AppError("image_not_found", `There is no image ${id} in this project.`, { param });

export async function listImages(db: Executor, scope: ProjectScope, page: PageRequest): Promise<Page<Image>> {
  const rows = await db
    .select()
    .from(images)
    .where(and(inProject(images, scope), behind(images, page.after)))
    .orderBy(desc(images.createdAt), desc(images.id))
    .limit(page.limit + 1);
  return cut(rows, page.limit);
}

/** Those of these images that are there, in no order. */
export async function selectImages(
  db: Executor,
  scope: ProjectScope,
  ids: readonly string[],
): Promise<Image[]> {
  if (ids.length === 0) return [];
  return db
    .select()
    .from(images)
    .where(and(inProject(images, scope), inArray(images.id, [...ids])));
}

export async function countImages(db: Executor, scope: ProjectScope): Promise<number> {
  const [row] = await db.select({ n: count() }).from(images).where(inProject(images, scope));
  return row?.n ?? 0;
}

export async function setSplitGroup(
  db: Executor,
  scope: ProjectScope,
  id: string,
  splitGroup: string,
): Promise<void> {
  await db
    .update(images)
    .set({ splitGroup })
    .where(and(inProject(images, scope), eq(images.id, id)));
}

/** Its annotations go with it. Throws AppError image_not_found. */
export async function deleteImage(db: Executor, scope: ProjectScope, id: string): Promise<Image> {
  const [image] = await db
    .delete(images)
    .where(and(inProject(images, scope), eq(images.id, id)))
    .returning();
  if (!image) throw imageNotFound(id);
  return image;
}

/**
 * Runs `remove` unless an image of the project has these bytes, under their lock: nobody stores them meanwhile, and
 * what someone else has stored is never taken away.
 */
export async function ifUnused(
  db: Database,
  scope: ProjectScope,
  image: { objectKey: string; sha256: string },
  remove: (objectKey: string) => Promise<void>,
): Promise<void> {
  await db.transaction(async (tx) => {
    await lockImageBytes(tx, image.objectKey);
    if (!(await findImageByHash(tx, scope, image.sha256))) await remove(image.objectKey);
  });
}

/** Which of these bytes no project of the workspace has as an image. */
export async function selectUnknownHashes(
  db: Executor,
  workspaceId: string,
  hashes: readonly string[],
): Promise<string[]> {
  if (hashes.length === 0) return [];
  const known = await db
    .select({ sha256: images.sha256 })
    .from(projects)
    .innerJoin(images, eq(images.projectId, projects.id))
    .where(and(eq(projects.workspaceId, workspaceId), inArray(images.sha256, [...hashes])));
  const there = new Set(known.map((row) => row.sha256));
  return hashes.filter((hash) => !there.has(hash));
}

/** Hashes of the bytes of all images of a project. */
export async function selectImageHashes(db: Executor, scope: ProjectScope): Promise<string[]> {
  const rows = await db.select({ sha256: images.sha256 }).from(images).where(inProject(images, scope));
  return rows.map((row) => row.sha256);
}

/** True while a fine-tune of the project is under way and this image is annotated: the trainer may still read it. */
export async function imageIsInUse(db: Executor, scope: ProjectScope, id: string): Promise<boolean> {
  const [row] = await db
    .select({ id: fineTunes.id })
    .from(fineTunes)
    .innerJoin(annotations, eq(annotations.projectId, fineTunes.projectId))
    .where(
      and(
        inProject(fineTunes, scope),
        eq(annotations.imageId, id),
        inArray(fineTunes.status, [...openFineTune]),
      ),
    )
    .limit(1);
  return row !== undefined;
}
