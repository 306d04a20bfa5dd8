import { and, eq, inArray, sql } from "../drizzle.ts";
import type { Executor } from "../client.ts";
import { images } from "../schema/index.ts";
import type { Image } from "./images.ts";
import { inProject, type ProjectScope } from "./scope.ts";

/** Images of the project by the last part of their name, in lower case and composed (NFC); at most `most`. */
export async function selectImagesByName(
  db: Executor,
  scope: ProjectScope,
  names: readonly string[],
  most: number,
): Promise<Image[]> {
  if (names.length === 0) return [];
  const base = sql<string>`normalize(regexp_replace(lower(${images.fileName}), '^.*/', ''), NFC)`;
  return db
    .select()
    .from(images)
    .where(and(inProject(images, scope), inArray(base, [...names])))
    .limit(most);
}

/** The image of the project whose bytes lie there. */
export async function findImageByKey(
  db: Executor,
  scope: ProjectScope,
  objectKey: string,
): Promise<Image | undefined> {
  const [image] = await db
    .select()
    .from(images)
    .where(and(inProject(images, scope), eq(images.objectKey, objectKey)));
  return image;
}
