import { deleteImage as deleteRow, ifUnused, imageIsInUse } from "../db/queries/images.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
import { AppError } from "../lib/errors.ts";
import type { ActionContext } from "./context.ts";
import { forgetImages } from "./store-image.ts";

/**
 * Deletes an image and its annotations, and of its bytes and embeddings what no other image needs.
 * Throws AppError image_not_found, and image_in_use while a fine-tune may still read it.
 */
export async function deleteImage(context: ActionContext, scope: ProjectScope, id: string): Promise<void> {
  const { db, store } = context;
  const image = await db.transaction(async (tx) => {
    if (await imageIsInUse(tx, scope, id)) {
      throw new AppError(
        "image_in_use",
        "A fine-tune that uses this image is under way: wait, or cancel it.",
      );
    }
    return deleteRow(tx, scope, id);
  });
  await ifUnused(db, scope, image, (key) => store.delete(key));
  await forgetImages(context, scope.workspaceId, [image.sha256]);
}
