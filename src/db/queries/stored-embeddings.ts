import { and, eq, inArray, sql } from "../drizzle.ts";
import type { Executor } from "../client.ts";
import { storedEmbeddings } from "../schema/index.ts";

export type StoredEmbedding = Omit<typeof storedEmbeddings.$inferInsert, "usedAt">;

/**
 * Counts an embedding, as used just now; one that is counted already becomes young again. False where the workspace is
 * gone.
 */
export async function upsertEmbedding(db: Executor, row: StoredEmbedding): Promise<boolean> {
  const rows = await db.execute(sql`
    insert into stored_embeddings (object_key, workspace_id, image_sha256, bytes)
    select ${row.objectKey}::text, id, ${row.imageSha256}::text, ${row.bytes}::int
    from workspaces where id = ${row.workspaceId}
    on conflict (object_key) do update set used_at = now() returning object_key`);
  return rows.length > 0;
}

/** Which of these objects are counted. */
export async function selectCounted(db: Executor, objectKeys: readonly string[]): Promise<Set<string>> {
  if (objectKeys.length === 0) return new Set();
  const rows = await db
    .select({ key: storedEmbeddings.objectKey })
    .from(storedEmbeddings)
    .where(inArray(storedEmbeddings.objectKey, [...objectKeys]));
  return new Set(rows.map(({ key }) => key));
}

export async function deleteEmbeddings(db: Executor, objectKeys: readonly string[]): Promise<void> {
  if (objectKeys.length === 0) return;
  await db.delete(storedEmbeddings).where(inArray(storedEmbeddings.objectKey, [...objectKeys]));
}

/** Deletes the rows of one image's embeddings, whole and of its regions. */
export async function deleteEmbeddingsOf(
  db: Executor,
  workspaceId: string,
  imageSha256: string,
): Promise<void> {
  await db
    .delete(storedEmbeddings)
    .where(and(eq(storedEmbeddings.workspaceId, workspaceId), eq(storedEmbeddings.imageSha256, imageSha256)));
}

/** Rows that are looked at in one statement. */
const part = 256;

/** Removes a workspace's oldest embeddings until `bytes` are gone, never `except`; their keys. */
export async function deleteOldestEmbeddings(
  db: Executor,
  workspaceId: string,
  bytes: number,
  except: string | null,
): Promise<string[]> {
  const gone: string[] = [];
  let left = bytes;
  while (left > 0) {
    const rows = await db.execute<{ key: string; bytes: number }>(sql`
      delete from stored_embeddings where object_key in (
        select object_key from (
          select object_key, sum(bytes) over (order by used_at, object_key) - bytes as before from (
            select object_key, bytes, used_at from stored_embeddings
            where workspace_id = ${workspaceId} and object_key is distinct from ${except}::text
            order by used_at, object_key limit ${part}) oldest) summed
        where before < ${left})
      returning object_key as key, bytes`);
    if (rows.length === 0) return gone;
    for (const row of rows) {
      gone.push(row.key);
      left -= row.bytes;
    }
  }
  return gone;
}
