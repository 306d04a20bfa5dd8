import { and, eq, inArray, isNull, not, sql } from "../drizzle.ts";
import type { Executor } from "../client.ts";
import { images } from "../schema/index.ts";
import { type Image, imageNotFound } from "./images.ts";
import { isLabelled } from "./labelled.ts";
import { inProject, type ProjectScope } from "./scope.ts";

/**
 * What a person says of an image: whether all objects on it are annotated, null to take it back. One that is complete without
 * an annotation is known to be empty. Throws AppError image_not_found.
 */
export async function setComplete(
  db: Executor,
  scope: ProjectScope,
  id: string,
  complete: boolean | null,
): Promise<Image> {
  const [image] = await db
    .update(images)
    .set({
      complete,
      completeAsked: false,
      knownEmpty: complete === true ? not(isLabelled(db)) : false,
    })
    .where(and(inProject(images, scope), eq(images.id, id)))
    .returning();
  if (!image) throw imageNotFound(id);
  return image;
}

/** Asks of these images whether they are complete, and of no other of the project any more. */
export async function askIfComplete(
  db: Executor,
  scope: ProjectScope,
  ids: readonly string[],
): Promise<void> {
  const isAsked = ids.length === 0 ? sql<boolean>`false` : sql<boolean>`${inArray(images.id, [...ids])}`;
  await db
    .update(images)
    .set({ completeAsked: isAsked })
    .where(
      and(inProject(images, scope), isNull(images.complete), sql`${images.completeAsked} <> ${isAsked}`),
    );
}
