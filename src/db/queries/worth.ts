import { and, desc, eq, not, sql } from "../drizzle.ts";
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

const vectorOf = (embeddingId: string) =>
  and(
    eq(imageVectors.workspaceId, images.workspaceId),
    eq(imageVectors.embeddingId, embeddingId),
    eq(imageVectors.imageSha256, images.sha256),
  );

/** The newest images without annotations that are not known to be empty, with what is known of each. */
export async function selectWaiting(
  db: Executor,
  scope: ProjectScope,
  { embeddingId, finderSha256, most }: By & { most: number },
): Promise<Waiting[]> {
  return db
    .select({
      id: images.id,
      seen: sql<boolean>`${imageVectors.imageSha256} is not null`,
      doubt: finderDoubts.doubt,
    })
    .from(images)
    .leftJoin(imageVectors, vectorOf(embeddingId))
    .leftJoin(
      finderDoubts,
      and(
        eq(finderDoubts.workspaceId, images.workspaceId),
        eq(finderDoubts.finderSha256, finderSha256 ?? ""),
        eq(finderDoubts.imageSha256, images.sha256),
      ),
    )
    .where(and(inProject(images, scope), eq(images.knownEmpty, false), not(isLabelled(db))))
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
    .select({ id: images.id, vector: imageVectors.vector })
    .from(images)
    .innerJoin(imageVectors, vectorOf(embeddingId))
    .where(
      and(
        inProject(images, scope),
        labelled ? isLabelled(db) : and(eq(images.knownEmpty, false), not(isLabelled(db))),
      ),
    )
    .orderBy(desc(images.createdAt), desc(images.id))
    .limit(most);
}

/** What stays the same as long as the same images of a project are labelled and known by a vector. */
export async function markOfLabelled(
  db: Executor,
  scope: ProjectScope,
  embeddingId: string,
): Promise<string> {
  const [row] = await db
    .select({ mark: sql<string | null>`md5(string_agg(${images.id}, ',' order by ${images.id}))` })
    .from(images)
    .innerJoin(imageVectors, vectorOf(embeddingId))
    .where(and(inProject(images, scope), isLabelled(db)));
  return row?.mark ?? "";
}
