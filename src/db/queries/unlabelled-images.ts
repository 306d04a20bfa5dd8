import { and, asc, count, eq, not, type SQL, sql } from "../drizzle.ts";
import type { ImageCursor } from "../../domain/auto-label.ts";
import type { Executor } from "../client.ts";
import { images } from "../schema/index.ts";
import type { Image } from "./images.ts";
import { isLabelled } from "./labelled.ts";
import { inProject, type ProjectScope } from "./scope.ts";

/** Which images: none that came later than the job that looks, so that its end is in sight. */
export interface Unlabelled extends ProjectScope {
  readonly until: Date;
}

/** Images without annotations that are not known to be empty. */
function unlabelled(db: Executor, scope: Unlabelled, behind?: ImageCursor): SQL | undefined {
  return and(
    inProject(images, scope),
    eq(images.knownEmpty, false),
    sql`${images.createdAt} <= ${scope.until.toISOString()}::timestamptz`,
    behind && sql`(${images.createdAt}, ${images.id}) > (${behind.createdAt}::timestamptz, ${behind.id})`,
    not(isLabelled(db)),
  );
}

export async function countUnlabelled(db: Executor, scope: Unlabelled): Promise<number> {
  const [row] = await db.select({ n: count() }).from(images).where(unlabelled(db, scope));
  return row?.n ?? 0;
}

/** The oldest of them behind a place in that order; null where there is none. */
export async function nextUnlabelled(
  db: Executor,
  scope: Unlabelled,
  behind: ImageCursor | null,
): Promise<Image | null> {
  const [image] = await db
    .select()
    .from(images)
    .where(unlabelled(db, scope, behind ?? undefined))
    .orderBy(asc(images.createdAt), asc(images.id))
    .limit(1);
  return image ?? null;
}

/** Whether an image is there and has no annotation; if so it can't be deleted until the transaction ends. */
export async function stillUnlabelled(tx: Executor, scope: ProjectScope, imageId: string): Promise<boolean> {
  const rows = await tx
    .select({ id: images.id })
    .from(images)
    .where(and(inProject(images, scope), eq(images.id, imageId), not(isLabelled(tx))))
    .for("key share");
  return rows.length > 0;
}
