import { and, asc, eq, inArray, sql } from "../drizzle.ts";
import type { Executor } from "../client.ts";
import { images } from "../schema/index.ts";
import { isLabelled } from "./labelled.ts";
import { inProject, type ProjectScope } from "./scope.ts";

/** An image with its number in exports of the project's annotations: from 1, oldest first. */
export interface NumberedImage {
  readonly id: string;
  readonly number: number;
  readonly sha256: string;
  readonly objectKey: string;
  readonly width: number;
  readonly height: number;
}

export interface NumberedFilter {
  /** Only those that carry annotations. */
  readonly labelled?: boolean | undefined;
  readonly only?: readonly string[] | undefined;
}

/** The first `most` of a project's images that the filter leaves in, oldest first. */
export async function selectNumberedImages(
  db: Executor,
  scope: ProjectScope,
  { labelled, only }: NumberedFilter,
  most: number,
): Promise<NumberedImage[]> {
  const all = db
    .select({
      id: images.id,
      number: sql<number>`row_number() over (order by ${images.createdAt}, ${images.id})`
        .mapWith(Number)
        .as("number"),
      sha256: images.sha256,
      objectKey: images.objectKey,
      width: images.width,
      height: images.height,
      isLabelled: sql<boolean>`${isLabelled(db)}`.as("is_labelled"),
    })
    .from(images)
    .where(inProject(images, scope))
    .as("numbered");
  const { isLabelled: own, ...shown } = all._.selectedFields;
  if (only?.length === 0) return [];
  return db
    .select(shown)
    .from(all)
    .where(and(labelled ? eq(own, true) : undefined, only && inArray(all.id, [...only])))
    .orderBy(asc(all.number))
    .limit(most);
}
