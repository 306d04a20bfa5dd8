import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  countImages,
  findImageByHash,
  ifUnused,
  type Image,
  insertImage,
  lockImageBytes,
  selectUnknownHashes,
} from "../db/queries/images.ts";
import { holdProject } from "../db/queries/projects.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
import { completeUpload } from "../db/queries/uploads.ts";
import { requireRoom } from "../db/queries/usage.ts";
import { AppError } from "../lib/errors.ts";
import { sha256 as hashOf } from "../lib/hash.ts";
import { newId } from "../lib/ids.ts";
import { temporaryFolder } from "../lib/temporary.ts";
import { keys } from "../storage/keys.ts";
import { mendObject } from "../storage/named-objects.ts";
import { quotasOf } from "./quotas.ts";
import type { ActionContext } from "./context.ts";
import { mediaTypeOf } from "../imaging/sniff.ts";

const hashesPerQuery = 1000;

/** An image that lies in a file of this machine. */
export interface ImageFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly fileName: string | null;
  readonly splitGroup: string | null;
}

/** An image of the project; not new where the same bytes were there before. */
export interface StoredImage {
  readonly image: Image;
  readonly isNew: boolean;
}

/**
 * The object first, then its row, both under the lock of these bytes; on failure the object goes again.
 * @param upload the upload by link that it came by, to be completed in the same transaction: its reserved room is the image's
 */
export async function storeImage(
  services: ActionContext,
  scope: ProjectScope,
  file: ImageFile,
  upload?: { readonly id: string },
): Promise<StoredImage> {
  const { db, store, inference, config, metrics } = services;
  const quotas = quotasOf(config);
  const { path, ...about } = file;
  const facts = await inference.inspect(path);
  const objectKey = keys.image(scope.projectId, file.sha256);
  try {
    const stored = await db.transaction(async (tx) => {
      await holdProject(tx, scope);
      await lockImageBytes(tx, objectKey);
      const known = await findImageByHash(tx, scope, file.sha256);
      if (known) {
        await mendObject(store, { key: objectKey, sha256: file.sha256, path });
        if (upload) await completeUpload(tx, scope, upload.id, { imageId: known.id });
        return { image: known, isNew: false };
      }
      if ((await countImages(tx, scope)) >= config.MAX_IMAGES_PER_PROJECT) {
        const limit = config.MAX_IMAGES_PER_PROJECT;
        throw new AppError(
          "too_many_images",
          `This project holds the ${limit} images that are allowed (MAX_IMAGES_PER_PROJECT).`,
        );
      }
      const id = newId("img");
      if (upload) await completeUpload(tx, scope, upload.id, { imageId: id });
      else await requireRoom(tx, scope.workspaceId, quotas, { more: { images: 1, bytes: file.bytes } });
      await store.putFile(objectKey, path, { contentType: mediaTypeOf(facts.format) });
      const image = await insertImage(tx, {
        ...scope,
        ...facts,
        ...about,
        id,
        objectKey,
      });
      // Final: several may have come this far at once.
      await requireRoom(tx, scope.workspaceId, quotas);
      metrics.imagesStored.inc();
      return { image, isNew: true };
    });
    if (stored.isNew) await inference.makeRoom(scope.workspaceId);
    return stored;
  } catch (error) {
    await ifUnused(db, scope, { objectKey, sha256: file.sha256 }, (key) => store.delete(key));
    throw error;
  }
}

/** The same of an image that lies in memory. */
export async function storeImageBytes(
  services: ActionContext,
  scope: ProjectScope,
  bytes: Uint8Array,
  about: Pick<ImageFile, "fileName" | "splitGroup">,
): Promise<StoredImage> {
  const folder = await temporaryFolder("upload");
  try {
    const path = join(folder, "upload");
    await writeFile(path, bytes);
    return await storeImage(services, scope, { path, bytes: bytes.length, sha256: hashOf(bytes), ...about });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Removes embeddings of images that are gone, where no other project of the workspace has the same bytes. */
export async function forgetImages(
  { db, inference }: ActionContext,
  workspaceId: string,
  hashes: readonly string[],
): Promise<void> {
  for (let from = 0; from < hashes.length; from += hashesPerQuery) {
    const some = hashes.slice(from, from + hashesPerQuery);
    for (const sha256 of await selectUnknownHashes(db, workspaceId, some))
      await inference.forget({ workspaceId, sha256 });
  }
}
