import { expect, it } from "vitest";
import type { Database } from "../../src/db/client.ts";
import { createImageNotes } from "../../src/db/image-notes.ts";
import { createLog } from "../../src/lib/log.ts";

it("costs nobody an answer where it can't be kept; what shall be forgotten is told of", async () => {
  const full = new Error("no space left on device");
  const db = {
    execute: () => Promise.reject(full),
    delete: () => ({ where: () => Promise.reject(full) }),
  } as unknown as Database;
  const notes = createImageNotes(db, createLog({ level: "silent", name: "test" }));
  const image = { workspaceId: "ws_a", sha256: "a".repeat(64) };
  await expect(notes.vector({ ...image, embeddingId: "e" }, new Uint8Array(4))).resolves.toBeUndefined();
  await expect(notes.doubt({ ...image, finderSha256: "b".repeat(64) }, 1)).resolves.toBeUndefined();
  await expect(notes.drop(image)).rejects.toThrow("no space left");
});
