import { and, eq, inArray, sql } from "../drizzle.ts";
import type { Executor } from "../client.ts";
import { bucketObjects, images } from "../schema/index.ts";
import { inProject, type ProjectScope } from "./scope.ts";

/** An object of a bucket as an import saw it. */
export interface SeenObject {
  readonly key: string;
  readonly etag: string;
  readonly bytes: number;
}

/** What imports have read of some keys; one that became an image which the project has no more is not among them. */
export async function selectSeenObjects(
  db: Executor,
  scope: ProjectScope,
  { bucket, keys }: { bucket: string; keys: readonly string[] },
): Promise<Map<string, SeenObject>> {
  if (keys.length === 0) return new Map();
  const isThere = sql`(${bucketObjects.imageSha256} is null or exists (select from ${images}
    where ${images.projectId} = ${bucketObjects.projectId} and ${images.sha256} = ${bucketObjects.imageSha256}))`;
  const rows = await db
    .select({ key: bucketObjects.key, etag: bucketObjects.etag, bytes: bucketObjects.bytes })
    .from(bucketObjects)
    .where(
      and(
        inProject(bucketObjects, scope),
        eq(bucketObjects.bucket, bucket),
        inArray(bucketObjects.key, [...keys]),
        isThere,
      ),
    );
  return new Map(rows.map((row) => [row.key, row]));
}

/** Notes what was read. An object that stays as it was keeps the image that it became. */
export async function noteSeenObjects(
  tx: Executor,
  { workspaceId, projectId }: ProjectScope,
  bucket: string,
  rows: readonly (SeenObject & { readonly imageSha256: string | null })[],
): Promise<void> {
  if (rows.length === 0) return;
  const was = sql`case when ${bucketObjects.etag} = excluded.etag then ${bucketObjects.imageSha256} end`;
  await tx
    .insert(bucketObjects)
    .values(rows.map((row) => ({ workspaceId, projectId, bucket, ...row })))
    .onConflictDoUpdate({
      target: [bucketObjects.projectId, bucketObjects.bucket, bucketObjects.key],
      set: {
        etag: sql`excluded.etag`,
        bytes: sql`excluded.bytes`,
        imageSha256: sql`coalesce(excluded.image_sha256, ${was})`,
      },
    });
}
