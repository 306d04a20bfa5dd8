import type { Log } from "../lib/log.ts";
import type { Database } from "./client.ts";
import { deleteImageNotes, insertImageVector, upsertFinderDoubt } from "./queries/image-notes.ts";

/** An image of a workspace, by the hash of its bytes. */
interface Noted {
  readonly workspaceId: string;
  readonly sha256: string;
}

/** What inference/image-notes.ts asks for, in the database. */
export interface DatabaseNotes {
  vector(image: Noted & { embeddingId: string }, vector: Uint8Array): Promise<void>;
  doubt(image: Noted & { finderSha256: string }, doubt: number): Promise<void>;
  drop(image: Noted): Promise<void>;
}

/** What is learnt in passing is worth no answer and no embedding: where it can't be kept, the log says so. */
export function createImageNotes(db: Database, log: Log): DatabaseNotes {
  const kept = async (writing: Promise<void>): Promise<void> =>
    writing.catch((error: unknown) => log.warn({ error }, "what was learnt of an image is not kept"));
  return {
    vector: async ({ workspaceId, sha256: imageSha256, embeddingId }, vector) =>
      kept(insertImageVector(db, { workspaceId, embeddingId, imageSha256, vector })),
    doubt: async ({ workspaceId, sha256: imageSha256, finderSha256 }, doubt) =>
      kept(upsertFinderDoubt(db, { workspaceId, finderSha256, imageSha256, doubt })),
    drop: async ({ workspaceId, sha256 }) => deleteImageNotes(db, workspaceId, sha256),
  };
}
