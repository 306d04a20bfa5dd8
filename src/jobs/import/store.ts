import type { Database, Executor } from "../../db/client.ts";
import { countImages, type NewImage } from "../../db/queries/images.ts";
import { importLeases, type Lease } from "../../db/queries/leases.ts";
import {
  fillSplitGroup,
  holdImageIds,
  insertAnnotations,
  insertNewImages,
  markKnownEmpty,
  type NewAnnotation,
  rowsPerStatement,
  selectMasks,
} from "../../db/queries/import-rows.ts";
import { lockProject } from "../../db/queries/projects.ts";
import type { ProjectScope } from "../../db/queries/scope.ts";
import { type Quotas, requireRoom } from "../../db/queries/usage.ts";
import type { DatasetAnnotation, ItemPart } from "../../datasets/types.ts";
import { AppError } from "../../lib/errors.ts";
import { newId } from "../../lib/ids.ts";
import { keys } from "../../storage/keys.ts";
import { whyLost } from "../held.ts";

/**
 * An image of a data set without its bytes, which lie in the object store by now. One with many annotations comes several
 * times, with some of them each.
 */
export type StoredItem = Omit<ItemPart, "path" | "alsoNamed">;

export interface StoredImport {
  /** Ids and hashes of the images that are new. */
  readonly created: readonly { id: string; sha256: string }[];
  readonly annotations: number;
}

/**
 * Writes all rows of an import and ends it, in one transaction that the lease fences. Bytes that the project has
 * already are the same image; a mask that such an image has already, with the same label, is not written again.
 * Throws LeaseLost, or AppError project_not_found, too_many_images, quota_exceeded.
 */
export async function storeImport(
  db: Database,
  options: {
    scope: ProjectScope;
    lease: Lease;
    /** In portions of at most as many images and about as many annotations as one statement writes. */
    batches: Iterable<readonly StoredItem[]> | AsyncIterable<readonly StoredItem[]>;
    maxImages: number;
    quotas: Quotas;
    /** Whether the user's own parts are kept as a wish for the split. */
    keepParts: boolean;
    /** What is written with the rows, given the hash of each image by its name. */
    alongside?: ((tx: Executor, imageOf: ReadonlyMap<string, string>) => Promise<void>) | undefined;
  },
): Promise<StoredImport> {
  const { scope, lease, batches, maxImages, quotas, keepParts, alongside } = options;
  return db.transaction(async (tx) => {
    await lockProject(tx, scope);
    if (!(await importLeases.lock(tx, lease))) throw await whyLost(tx, importLeases, lease.id);
    const created = new Map<string, string>();
    const imageOf = new Map<string, string>();
    let written = 0;
    for await (const items of batches) {
      const rows = items.map((item) => imageRow(scope, item, keepParts));
      const fresh = new Set(await insertNewImages(tx, rows));
      const hashes = items.map((item) => item.sha256);
      if (alongside) for (const { fileName, sha256 } of items) imageOf.set(fileName, sha256);
      const ids = await holdImageIds(tx, scope, hashes);
      for (const sha256 of fresh) created.set(sha256, ids.get(sha256) as string);
      written += await writeAnnotations(tx, scope, { items, ids, fresh: created });
    }
    if ((await countImages(tx, scope)) > maxImages) {
      throw new AppError(
        "too_many_images",
        `With this import the project would hold more than the ${maxImages} images that are allowed (MAX_IMAGES_PER_PROJECT).`,
      );
    }
    await alongside?.(tx, imageOf);
    const counts = { imagesCreated: created.size, annotationsCreated: written };
    if (!(await importLeases.succeed(tx, lease, counts))) throw await whyLost(tx, importLeases, lease.id);
    // After its end, with which the zip goes: its images take the zip's room.
    await requireRoom(tx, scope.workspaceId, quotas);
    return { created: Array.from(created, ([sha256, id]) => ({ id, sha256 })), annotations: written };
  });
}

const imageRow = (scope: ProjectScope, item: StoredItem, keepParts: boolean): NewImage => ({
  ...scope,
  id: newId("img"),
  sha256: item.sha256,
  objectKey: keys.image(scope.projectId, item.sha256),
  bytes: item.byteLength,
  format: item.facts.format,
  width: item.facts.width,
  height: item.facts.height,
  fileName: item.fileName,
  splitGroup: item.splitGroup,
  part: keepParts ? item.split : null,
  knownEmpty: item.background,
  reading: item.facts.reading ?? null,
});

async function writeAnnotations(
  tx: Executor,
  scope: ProjectScope,
  part: { items: readonly StoredItem[]; ids: Map<string, string>; fresh: ReadonlyMap<string, unknown> },
): Promise<number> {
  const known = part.items.filter((item) => !part.fresh.has(item.sha256));
  const idOf = (item: StoredItem): string => part.ids.get(item.sha256) as string;
  const maskKey = (imageId: string, mask: { counts: string; label: string | null }): string =>
    JSON.stringify([imageId, mask.counts, mask.label]);
  const there = new Set<string>();
  if (known.length > 0) {
    for (const mask of await selectMasks(tx, scope, known.map(idOf))) there.add(maskKey(mask.imageId, mask));
    for (const item of known)
      if (item.splitGroup !== null) await fillSplitGroup(tx, scope, idOf(item), item.splitGroup);
    const empty = known.filter((item) => item.background).map(idOf);
    if (empty.length > 0) await markKnownEmpty(tx, scope, empty);
  }
  const rows = part.items.flatMap((item) =>
    item.annotations
      .filter((annotation) => !there.has(maskKey(idOf(item), annotation)))
      .map((annotation) => annotationRow(idOf(item), annotation)),
  );
  for (let from = 0; from < rows.length; from += rowsPerStatement)
    await insertAnnotations(tx, scope, rows.slice(from, from + rowsPerStatement));
  return rows.length;
}

const annotationRow = (imageId: string, { counts, area, box, label }: DatasetAnnotation): NewAnnotation => ({
  id: newId("ann"),
  imageId,
  counts,
  area,
  box,
  label,
});
