import { sql } from "../drizzle.ts";
import type { Executor } from "../client.ts";

/** What the rows of one project say of its objects. */
export interface ProjectReferences {
  /** Whether a job or an upload is open, which may be about to write or to name an object. */
  readonly open: boolean;
  /** Every object key that a row names. */
  readonly keys: ReadonlySet<string>;
  /** Hashes of snapshots that a fine-tune ran on. */
  readonly snapshots: ReadonlySet<string>;
  /** Fine-tunes that there are, whose pictures are kept. */
  readonly fineTunes: ReadonlySet<string>;
}

/**
 * Takes the project's write lock, so that nothing is added to it until the transaction ends, and reads what its rows
 * refer to; null when there is no such project.
 */
export async function lockReferences(tx: Executor, projectId: string): Promise<ProjectReferences | null> {
  const [project] = await tx.execute(sql`select id from projects where id = ${projectId} for update`);
  if (!project) return null;
  const [jobs] = await tx.execute<{ open: boolean }>(sql`
    select exists (select from fine_tunes where project_id = ${projectId}
        and status in ('queued', 'preparing', 'running', 'evaluating'))
      or exists (select from fine_tune_previews where project_id = ${projectId} and status in ('queued', 'running'))
      or exists (select from imports where project_id = ${projectId} and status in ('queued', 'running'))
      or exists (select from uploads where project_id = ${projectId} and completed_at is null and expires_at > now())
      as open`);
  const named = await tx.execute<{ key: string }>(sql`
    select object_key as key from images where project_id = ${projectId}
    union all select weights_key from versions where project_id = ${projectId}
    union all select refit->'twin'->>'weightsKey' from versions where project_id = ${projectId} and refit is not null
    union all select finder->>'key' from versions where project_id = ${projectId} and finder is not null
    union all select snapshot_key from versions where project_id = ${projectId} and snapshot_key is not null`);
  const ran = await tx.execute<{ id: string; hash: string | null }>(
    sql`select id, snapshot_hash as hash from fine_tunes where project_id = ${projectId}`,
  );
  return {
    open: jobs?.open ?? true,
    keys: new Set(named.map((row) => row.key)),
    snapshots: new Set(ran.flatMap((row) => row.hash ?? [])),
    fineTunes: new Set(ran.map((row) => row.id)),
  };
}

/** Which of these bytes a workspace still has, as an image or in the log of predictions. */
export async function selectKnownHashes(
  db: Executor,
  workspaceId: string,
  hashes: readonly string[],
): Promise<Set<string>> {
  if (hashes.length === 0) return new Set();
  const rows = await db.execute<{ sha256: string }>(sql`
    select sha256 from images where workspace_id = ${workspaceId} and sha256 in ${[...hashes]}
    union select image_sha256 from predictions
      where workspace_id = ${workspaceId} and image_sha256 in ${[...hashes]}`);
  return new Set(rows.map((row) => row.sha256));
}
