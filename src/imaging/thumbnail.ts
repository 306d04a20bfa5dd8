import { AppError, messageOf } from "../lib/errors.ts";
import { upright } from "./upright.ts";

/**
 * An image as WebP for a screen: turned as EXIF says, of several pages the first, its longer side at most `side` pixels.
 * What is transparent lies over white, as `decodeImage` has it. Throws AppError image_unreadable.
 */
export async function thumbnail(
  bytes: Uint8Array,
  { side, maxPixels }: { side: number; maxPixels: number },
): Promise<Uint8Array> {
  try {
    const picture = await upright(bytes, maxPixels);
    return await picture
      .resize(side, side, { fit: "inside", withoutEnlargement: true })
      .toColourspace("srgb")
      .webp({ quality: 82, effort: 2 })
      .toBuffer();
  } catch (cause) {
    throw new AppError("image_unreadable", `the image can't be read: ${messageOf(cause)}`, { cause });
  }
}
