import { asc, eq } from "drizzle-orm";
import type { Executor } from "../client.ts";
import { annotations, images } from "../schema/index.ts";
import { inProject, type ProjectScope } from "./scope.ts";

export interface AnnotatedRow {
  readonly image: Pick<
    typeof images.$inferSelect,
    "id" | "sha256" | "bytes" | "width" | "height" | "objectKey" | "splitGroup"
  >;
  readonly annotation: Pick<typeof annotations.$inferSelect, "id" | "counts" | "box" | "label">;
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
      },
      annotation: {
        id: annotations.id,
        counts: annotations.counts,
        box: annotations.box,
        label: annotations.label,
      },
    })
    .from(annotations)
    .innerJoin(images, eq(images.id, annotations.imageId))
    .where(inProject(annotations, scope))
    .orderBy(asc(annotations.id));
}
