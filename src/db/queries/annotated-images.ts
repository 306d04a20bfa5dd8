import { and, asc, count, eq, not } from "../drizzle.ts";
import type { Executor } from "../client.ts";
import { annotations, images } from "../schema/index.ts";
import type { AnnotationLineage } from "../../domain/feedback.ts";
import { isLabelled } from "./labelled.ts";
import { inProject, type ProjectScope } from "./scope.ts";

export interface AnnotatedRow {
  readonly image: Pick<
    typeof images.$inferSelect,
    "id" | "sha256" | "bytes" | "width" | "height" | "objectKey" | "splitGroup" | "part" | "complete"
  >;
  readonly annotation: Pick<typeof annotations.$inferSelect, "id" | "counts" | "box" | "label"> & {
    /** Lineage of masks that feedback made: who had predicted what, for which prompt. */
    lineage?: AnnotationLineage | null;
  };
}

/** Every annotation of a project with its image, in one statement and so of one moment. */
export async function selectAnnotatedImages(db: Executor, scope: ProjectScope): Promise<AnnotatedRow[]> {
  return db
    .select({
      image: {
        id: images.id,
        sha256: images.sha256,
        bytes: images.bytes,
        width: images.width,
        height: images.height,
        objectKey: images.objectKey,
        splitGroup: images.splitGroup,
        part: images.part,
        complete: images.complete,
      },
      annotation: {
        id: annotations.id,
        counts: annotations.counts,
        box: annotations.box,
        label: annotations.label,
        lineage: annotations.lineage,
      },
    })
    .from(annotations)
    .innerJoin(images, eq(images.id, annotations.imageId))
    .where(inProject(annotations, scope))
    .orderBy(asc(annotations.id));
}

/**
 * Images of a project that carry no annotation: how many, and the ids of the oldest; those that are known to hold nothing,
 * or the others.
 */
export async function selectWithoutAnnotations(
  db: Executor,
  scope: ProjectScope,
  { knownEmpty, most }: { knownEmpty: boolean; most: number },
): Promise<{ count: number; ids: string[] }> {
  const bare = and(inProject(images, scope), eq(images.knownEmpty, knownEmpty), not(isLabelled(db)));
  const [counted] = await db.select({ n: count() }).from(images).where(bare);
  const rows = await db
    .select({ id: images.id })
    .from(images)
    .where(bare)
    .orderBy(asc(images.createdAt), asc(images.id))
    .limit(most);
  return { count: counted?.n ?? 0, ids: rows.map((row) => row.id) };
}
