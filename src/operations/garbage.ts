import type { Database } from "../db/client.ts";
import { lockReferences, type ProjectReferences, selectKnownHashes } from "../db/queries/references.ts";
import { deleteEmbeddings, selectCounted, upsertEmbedding } from "../db/queries/stored-embeddings.ts";
import type { ObjectStore } from "../storage/store.ts";

interface Context {
  readonly db: Database;
  readonly store: ObjectStore;
}

export interface GarbageReport {
  /** Objects below the prefixes that are looked through. */
  readonly seen: number;
  readonly deleted: number;
  readonly bytes: number;
  /** Projects with an open job, which are left for another time. */
  readonly skipped: number;
}

/** A project's objects are looked through at once, the embeddings of a workspace in parts of so many. */
const part = 500;

/**
 * Removes objects that no row refers to: what a process that died had written ahead of its row, and what a deletion
 * that failed left. Nothing that is younger than `olderThanMs` goes, because objects are written before the rows that
 * name them. A project is locked while its objects are judged, and left alone while a job of it is open.
 */
export async function collectGarbage(
  context: Context,
  options: { olderThanMs: number; now?: Date },
): Promise<GarbageReport> {
  const report = { seen: 0, deleted: 0, bytes: 0, skipped: 0 };
  const before = (options.now ?? new Date()).getTime() - options.olderThanMs;
  const remove = async (keys: readonly string[]): Promise<string[]> => {
    const removed: string[] = [];
    for (const key of keys) {
      const object = await context.store.stat(key);
      if (!object || object.writtenAt.getTime() > before) continue;
      await context.store.delete(key);
      report.deleted++;
      report.bytes += object.bytes;
      removed.push(key);
    }
    return removed;
  };
  /** One that is not counted: of a release that counted none, or left by a removal that broke off. */
  const count = async (workspaceId: string, objectKey: string, imageSha256: string): Promise<void> => {
    const object = await context.store.stat(objectKey);
    if (object)
      await upsertEmbedding(context.db, { workspaceId, objectKey, imageSha256, bytes: object.bytes });
  };

  for await (const { id, keys } of grouped(context.store, "projects/", Number.POSITIVE_INFINITY)) {
    report.seen += keys.length;
    await context.db.transaction(async (tx) => {
      const references = await lockReferences(tx, id);
      if (references?.open) report.skipped++;
      else await remove(keys.filter((key) => !isReferenced(key, references)));
    });
  }
  for await (const { id, keys } of grouped(context.store, "workspaces/", part)) {
    report.seen += keys.length;
    const known = await selectKnownHashes(context.db, id, [
      ...new Set(keys.flatMap((key) => imageOf(key) ?? [])),
    ]);
    const gone = keys.filter((key) => {
      const image = imageOf(key);
      return image !== null && !known.has(image);
    });
    await deleteEmbeddings(context.db, await remove(gone));
    const counted = await selectCounted(context.db, keys);
    for (const key of keys) {
      const image = imageOf(key);
      if (image !== null && known.has(image) && !counted.has(key)) await count(id, key, image);
    }
  }
  return report;
}

/** Keys by what stands behind the prefix: projects/ID/… and workspaces/ID/…; a listing comes in order. */
async function* grouped(
  store: ObjectStore,
  prefix: string,
  atMost: number,
): AsyncIterable<{ id: string; keys: string[] }> {
  let group: { id: string; keys: string[] } | undefined;
  for await (const key of store.list(prefix)) {
    const id = key.slice(prefix.length).split("/")[0] ?? "";
    if (group && (group.id !== id || group.keys.length >= atMost)) {
      yield group;
      group = undefined;
    }
    group ??= { id, keys: [] };
    group.keys.push(key);
  }
  if (group) yield group;
}

/** Nothing of a project that is gone is referenced. A kind of object that is not known here is left to whoever knows it. */
function isReferenced(key: string, references: ProjectReferences | null): boolean {
  if (!references) return false;
  if (references.keys.has(key)) return true;
  const [kind = "", name = ""] = key.split("/").slice(2);
  if (kind === "snapshots") return references.snapshots.has(name.replace(/\.json$/, ""));
  if (kind === "pictures") return references.fineTunes.has(name);
  // No job is open here, so nothing waits to be imported, completed or gone on with.
  return !["images", "versions", "imports", "uploads", "checkpoints"].includes(kind);
}

/** The SHA-256 of the image that an embedding is of; null for whatever else. */
const imageOf = (key: string): string | null =>
  /^workspaces\/[^/]+\/embeddings\/[0-9a-f]+\/([0-9a-f]{64})[./]/.exec(key)?.[1] ?? null;
