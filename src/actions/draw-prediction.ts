import { drawMasks } from "../imaging/picture/overlay.ts";
import type { PolygonMask, RleMask } from "../imaging/types.ts";
import { AppError } from "../lib/errors.ts";
import type { ActionContext, Ask } from "./context.ts";
import { type AskedImage, findImage } from "./find-image.ts";

/** Pixels of the longer side of what is drawn. */
const side = 768;

/** Throws AppError invalid_request (param `overlay`) where the image's bytes are not kept here. */
export function checkDrawable(image: AskedImage): void {
  if (!("sha256" in image)) return;
  const message = "overlay: an image that is named by sha256 is not kept here; name it by id, or send it.";
  throw new AppError("invalid_request", message, { param: "overlay" });
}

/**
 * Masks of a prediction over their image, as JPEG at screen size. The image is one that `checkDrawable` takes.
 * Throws what findImage and Inference.thumbnail throw.
 */
export async function drawPrediction(
  context: ActionContext,
  { scope, project, signal }: Ask,
  image: AskedImage,
  masks: readonly (RleMask | PolygonMask)[],
): Promise<Uint8Array> {
  const { source, size } = await findImage(context, scope, image, { baseModel: project.baseModel, signal });
  return drawMasks(await context.inference.thumbnail(await source.bytes(), side), masks, size);
}
