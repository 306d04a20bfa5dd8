import { getImage } from "../db/queries/images.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
import type { Size } from "../imaging/types.ts";
import type { ImageSource } from "../inference/types.ts";
import { imageSource } from "../storage/named-objects.ts";
import { decodeBase64 } from "../lib/base64.ts";
import { AppError } from "../lib/errors.ts";
import { type Known, knownAs } from "./known.ts";
import type { ActionContext } from "./context.ts";

/** How a caller names an image: stored, sent along, or the handle of one that was sent before. */
export type AskedImage = { readonly id: string } | SentImage | { readonly sha256: string };

/** `findImage` empties it once its bytes are there: the text would stay until the request has ended. */
interface SentImage {
  base64: string;
}

export interface FoundImage {
  readonly id: string | null;
  readonly size: Size;
  readonly source: ImageSource;
}

/**
 * A stored image of this project, one that came with the request (decoded here to know its size), or one whose
 * embedding the workspace still has. With `known`, a stored one may be gone by now.
 * Throws AppError image_not_found, image_handle_unknown, invalid_request, and what Inference.inspect throws, each with the field.
 */
export async function findImage(
  services: ActionContext,
  scope: ProjectScope,
  asked: AskedImage,
  options: { baseModel: string; signal?: AbortSignal; known?: Known },
): Promise<FoundImage> {
  const [field] = Object.keys(asked) as [string];
  try {
    if ("id" in asked) return await storedImage(services, scope, asked.id, options.known);
    if ("sha256" in asked) return await knownImage(services, scope, asked.sha256, options);
    return await sentImage(services, asked);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError(error.code, error.message, { param: `image.${field}` });
  }
}

async function storedImage(
  { db, store }: ActionContext,
  scope: ProjectScope,
  id: string,
  known: Known | undefined,
): Promise<FoundImage> {
  const name = knownAs(scope, id);
  const image = known?.images.get(name) ?? (await getImage(db, scope, id));
  known?.images.set(name, image);
  return { id: image.id, size: [image.height, image.width], source: imageSource(store, image) };
}

async function sentImage({ inference }: ActionContext, sent: SentImage): Promise<FoundImage> {
  const bytes = await decodeBase64(sent.base64, "image.base64");
  sent.base64 = "";
  const { width, height } = await inference.inspect(bytes);
  // In the thread pool: a large image takes longer than others may wait.
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  const source = { sha256: Buffer.from(digest).toString("hex"), bytes: () => Promise.resolve(bytes) };
  return { id: null, size: [height, width], source };
}

/** Embeddings are a workspace's own, so a hash opens nothing of another one's. */
async function knownImage(
  { inference }: ActionContext,
  { workspaceId }: ProjectScope,
  hash: string,
  { baseModel, signal }: { baseModel: string; signal?: AbortSignal },
): Promise<FoundImage> {
  const source = {
    sha256: hash,
    bytes: (): Promise<never> => {
      const message = `No embedding of ${hash} is kept; send the image itself once more.`;
      return Promise.reject(new AppError("image_handle_unknown", message));
    },
  };
  const { embedding } = await inference.embed(source, { workspaceId, baseModel, signal });
  return { id: null, size: [embedding.height, embedding.width], source };
}
