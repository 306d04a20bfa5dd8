import { and, desc, eq, exists, not, sql } from "../drizzle.ts";
import type { Executor } from "../client.ts";
import { finderDoubts, images, imageVectors } from "../schema/index.ts";
import { isLabelled } from "./labelled.ts";
import { inProject, type ProjectScope } from "./scope.ts";

export interface Waiting {
  readonly id: string;
  /** Whether its vector is known. */
  readonly seen: boolean;
  /** Null where the finder has not looked at it, or there is none. */
  readonly doubt: number | null;
}

/** By which encoder vectors were made, and whose doubts count: a finder's, or nobody's. */
interface By {
  readonly embeddingId: string;
  readonly finderSha256: string | null;
}

/**
 * What is known of an image, looked up by its key row by row: a join is planned by statistics that a table has not got in the
 * minute after a large import, and took 66 s for 12,000 images.
 */
const vectorOf = (db: Executor, embeddingId: string) =>
  db
    .select({ vector: imageVectors.vector })
    .from(imageVectors)
    .where(
      and(
        eq(imageVectors.workspaceId, images.workspaceId),
        eq(imageVectors.embeddingId, embeddingId),
        eq(imageVectors.imageSha256, images.sha256),
      ),
    );

const doubtOf = (db: Executor, finderSha256: string | null) =>
  db
    .select({ doubt: finderDoubts.doubt })
    .from(finderDoubts)
    .where(
      and(
        eq(finderDoubts.workspaceId, images.workspaceId),
        eq(finderDoubts.finderSha256, finderSha256 ?? ""),
        eq(finderDoubts.imageSha256, images.sha256),
      ),
    );

const isSeen = (db: Executor, embeddingId: string) => sql<boolean>`${exists(vectorOf(db, embeddingId))}`;

const isWaiting = (db: Executor) => and(eq(images.knownEmpty, false), not(isLabelled(db)));

/** The newest images without annotations that are not known to be empty, with what is known of each. */
export async function selectWaiting(
  db: Executor,
  scope: ProjectScope,
  { embeddingId, finderSha256, most }: By & { most: number },
): Promise<Waiting[]> {
  return db
    .select({
      id: images.id,
      seen: isSeen(db, embeddingId),
      doubt: sql<number | null>`(${doubtOf(db, finderSha256)})`,
    })
    .from(images)
    .where(and(inProject(images, scope), isWaiting(db)))
    .orderBy(desc(images.createdAt), desc(images.id))
    .limit(most);
}

/** The vectors of a project's newest images with annotations, or of those without; only where it is known. */
export async function selectVectors(
  db: Executor,
  scope: ProjectScope,
  { embeddingId, labelled, most }: { embeddingId: string; labelled: boolean; most: number },
): Promise<{ id: string; vector: Uint8Array }[]> {
  return db
    .select({
      id: images.id,
      vector: sql<Uint8Array>`(${vectorOf(db, embeddingId)})`,
    })
    .from(images)
    .where(
      and(
        inProject(images, scope),
        labelled ? isLabelled(db) : isWaiting(db),
        // EXISTS would be planned as a join.
        sql`(${vectorOf(db, embeddingId)}) is not null`,
      ),
    )
    .orderBy(desc(images.createdAt), desc(images.id))
    .limit(most);
}

/** What stays the same as long as the same images of a project are labelled, and the same is known of each. */
export async function markOf(
  db: Executor,
  scope: ProjectScope,
  { embeddingId, finderSha256 }: By,
): Promise<string> {
  const known = sql`concat_ws(':', ${images.id}, ${isLabelled(db)}, ${images.knownEmpty},
    ${isSeen(db, embeddingId)}, (${doubtOf(db, finderSha256)}))`;
  const [row] = await db
    .select({ mark: sql<string>`concat(count(*), ':', sum(hashtextextended(${known}, 0)::numeric))` })
    .from(images)
    .where(inProject(images, scope));
  return row?.mark ?? "";
}
