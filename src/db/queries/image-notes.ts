import { and, eq, sql } from "../drizzle.ts";
import type { Executor } from "../client.ts";
import { finderDoubts, imageVectors } from "../schema/index.ts";

/** Keeps an image's vector; nothing where there is one, or where the workspace is gone. */
export async function insertImageVector(db: Executor, row: typeof imageVectors.$inferInsert): Promise<void> {
  await db.execute(sql`
    insert into image_vectors (workspace_id, embedding_id, image_sha256, vector)
    select id, ${row.embeddingId}::text, ${row.imageSha256}::text, ${row.vector}::bytea
    from workspaces where id = ${row.workspaceId}
    on conflict do nothing`);
}

/** Keeps a finder's doubt about an image in the place of an earlier one; nothing where the workspace is gone. */
export async function upsertFinderDoubt(db: Executor, row: typeof finderDoubts.$inferInsert): Promise<void> {
  await db.execute(sql`
    insert into finder_doubts (workspace_id, finder_sha256, image_sha256, doubt)
    select id, ${row.finderSha256}::text, ${row.imageSha256}::text, ${row.doubt}::float8
    from workspaces where id = ${row.workspaceId}
    on conflict (workspace_id, finder_sha256, image_sha256) do update set doubt = excluded.doubt`);
}

/** Deletes all that is known of an image of these bytes. */
export async function deleteImageNotes(
  db: Executor,
  workspaceId: string,
  imageSha256: string,
): Promise<void> {
  for (const table of [imageVectors, finderDoubts])
    await db.delete(table).where(and(eq(table.workspaceId, workspaceId), eq(table.imageSha256, imageSha256)));
}
