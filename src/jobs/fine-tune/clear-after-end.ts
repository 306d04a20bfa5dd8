import { lockEndedFineTune } from "../../db/queries/fine-tunes.ts";
import type { Database } from "../../db/client.ts";
import { deleteBelow } from "../../storage/delete-below.ts";
import { keys } from "../../storage/keys.ts";
import type { ObjectStore } from "../../storage/store.ts";

/**
 * Removes what the attempts at a job left in the object store and no version refers to: training checkpoints, and
 * weights and
 * pictures that were not registered. Does nothing while the job is open, because another attempt may be writing; that
 * one clears away when it ends. The row stays locked meanwhile, so that nobody sets the job back and claims it.
 */
export async function clearAfterEnd(
  { db, store }: { db: Database; store: ObjectStore },
  fineTuneId: string,
): Promise<void> {
  await db.transaction(async (tx) => {
    const job = await lockEndedFineTune(tx, fineTuneId);
    if (!job) return;
    await deleteBelow(store, keys.checkpointPrefix(job.projectId, fineTuneId));
    const kept = new Set(job.keys);
    for (const prefix of [keys.weightsPrefix, keys.picturePrefix])
      for await (const key of store.list(prefix(job.projectId, fineTuneId)))
        if (!kept.has(key)) await store.delete(key);
  });
}
