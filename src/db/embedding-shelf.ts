import type { Database, Executor } from "./client.ts";
import {
  deleteEmbeddings,
  deleteEmbeddingsOf,
  deleteOldestEmbeddings,
  type StoredEmbedding,
  upsertEmbedding,
} from "./queries/stored-embeddings.ts";
import { lastingBytes, noQuotas, selectHeld, selectQuotas, settleUsage } from "./queries/usage.ts";

/** Account of the embeddings that the object store keeps, as inference/embedding/shelf.ts asks for it. */
export interface DatabaseShelf {
  admit(embedding: StoredEmbedding): Promise<{ admitted: boolean; giveWay: string[] }>;
  touch(embedding: StoredEmbedding): Promise<void>;
  drop(objectKeys: readonly string[]): Promise<void>;
  dropImage(workspaceId: string, imageSha256: string): Promise<void>;
  crowdedOut(workspaceId: string): Promise<string[]>;
}

/**
 * A workspace's embeddings may take `maxBytes`, or what its quota leaves beside all that can't be made again. Rows go
 * before their objects: what is counted is never less than what is there, but for a while in which a removal is under way.
 * @param options.quotaBytes of workspaces that have no quota of their own; null is no bound
 */
export function createEmbeddingShelf(options: {
  db: Database;
  maxBytes: number;
  quotaBytes: number | null;
}): DatabaseShelf {
  const { db, maxBytes } = options;
  const defaults = { ...noQuotas, bytes: options.quotaBytes };

  /** Bytes that embeddings may take, and those that they take. */
  const roomOf = async (tx: Executor, workspaceId: string): Promise<{ most: number; now: number }> => {
    const { bytes: quota } = await selectQuotas(tx, workspaceId, defaults);
    const held = await selectHeld(tx, workspaceId);
    const left = quota === null ? maxBytes : Math.max(0, quota - lastingBytes(held));
    return { most: Math.min(maxBytes, left), now: held.embeddingBytes };
  };

  return {
    admit: (embedding) =>
      db.transaction(async (tx) => {
        const { workspaceId, objectKey, bytes } = embedding;
        if (!(await upsertEmbedding(tx, embedding))) return { admitted: false, giveWay: [] };
        // Holds the workspace's counters: of several that are admitted at once, each finds the room that is left.
        await settleUsage(tx);
        const { most, now } = await roomOf(tx, workspaceId);
        if (bytes > most) {
          await deleteEmbeddings(tx, [objectKey]);
          return { admitted: false, giveWay: [] };
        }
        return {
          admitted: true,
          giveWay: await deleteOldestEmbeddings(tx, workspaceId, now - most, objectKey),
        };
      }),
    touch: async (embedding) => {
      await upsertEmbedding(db, embedding);
    },
    drop: (objectKeys) => deleteEmbeddings(db, objectKeys),
    dropImage: (workspaceId, imageSha256) => deleteEmbeddingsOf(db, workspaceId, imageSha256),
    crowdedOut: async (workspaceId) => {
      // Nearly always there is nothing to do, and then no lock to take.
      const { most, now } = await roomOf(db, workspaceId);
      if (now <= most) return [];
      return db.transaction(async (tx) => deleteOldestEmbeddings(tx, workspaceId, now - most, null));
    },
  };
}
