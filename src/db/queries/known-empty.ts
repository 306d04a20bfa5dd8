import { and, asc, eq, notExists } from "../drizzle.ts";
import type { Executor } from "../client.ts";
import { annotations, images } from "../schema/index.ts";
import { inProject, type ProjectScope } from "./scope.ts";

export type EmptyImage = Pick<
  typeof images.$inferSelect,
  "id" | "sha256" | "bytes" | "width" | "height" | "objectKey" | "splitGroup"
>;

/** Images that are known to hold nothing and carry no annotation, in the order of their hashes, `most` of them. */
export async function selectKnownEmpty(
  db: Executor,
  scope: ProjectScope,
  most: number,
): Promise<EmptyImage[]> {
  const { id, sha256, bytes, width, height, objectKey, splitGroup } = images;
  return db
    .select({ id, sha256, bytes, width, height, objectKey, splitGroup })
    .from(images)
    .where(
      and(
        inProject(images, scope),
        images.knownEmpty,
        notExists(db.select({ id: annotations.id }).from(annotations).where(eq(annotations.imageId, id))),
      ),
    )
    .orderBy(asc(sha256))
    .limit(most);
}
