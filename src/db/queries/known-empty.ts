import { and, asc, count, not } from "../drizzle.ts";
import type { Executor } from "../client.ts";
import { images } from "../schema/index.ts";
import type { Image } from "./images.ts";
import { isLabelled } from "./labelled.ts";
import { inProject, type ProjectScope } from "./scope.ts";

/** Images that are known to hold nothing and carry no annotation: how many, and `most` of them in the order of their hashes. */
export async function selectKnownEmpty(
  db: Executor,
  scope: ProjectScope,
  most: number,
): Promise<{ count: number; images: Image[] }> {
  const empty = and(inProject(images, scope), images.knownEmpty, not(isLabelled(db)));
  const [counted] = await db.select({ n: count() }).from(images).where(empty);
  const rows = await db.select().from(images).where(empty).orderBy(asc(images.sha256)).limit(most);
  return { count: counted?.n ?? 0, images: rows };
}
