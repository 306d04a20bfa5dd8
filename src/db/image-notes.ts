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

export const createImageNotes = (db: Database): DatabaseNotes => ({
  vector: async ({ workspaceId, sha256: imageSha256, embeddingId }, vector) =>
    insertImageVector(db, { workspaceId, embeddingId, imageSha256, vector }),
  doubt: async ({ workspaceId, sha256: imageSha256, finderSha256 }, doubt) =>
    upsertFinderDoubt(db, { workspaceId, finderSha256, imageSha256, doubt }),
  drop: async ({ workspaceId, sha256 }) => deleteImageNotes(db, workspaceId, sha256),
});
