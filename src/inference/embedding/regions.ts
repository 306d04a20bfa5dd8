import { checkRegion } from "../../imaging/crop.ts";
import type { Box, Size } from "../../imaging/types.ts";
import type { Embedded, EmbedOptions, ImageSource } from "../types.ts";
import type { Inference } from "../inference.ts";

/**
 * The embedding of one rectangle of an image, encoded as if it were an image of its own: cached in memory and in the
 * store, under the image's hash and the rectangle. Without a region, or with one that is the whole image, it is the
 * image's own embedding. Prompts and masks on it count from the region's top left.
 *
 * `size` is the whole image's [height, width]; `options.region` is in whole pixels of the oriented original.
 * Throws AppError box_outside_image, box_zero_area (param `region`), and what Inference.embed throws.
 */
export async function embedRegion(
  inference: Pick<Inference, "embed">,
  image: ImageSource & { readonly size: Size },
  options: EmbedOptions,
): Promise<Embedded> {
  const { region } = options;
  if (region) checkRegion(region, image.size);
  const whole = !region || isWhole(region, image.size);
  return inference.embed(image, { ...options, region: whole ? undefined : region });
}

/** Whether a region is all of the image. */
export const isWhole = ([x0, y0, x1, y1]: Box, [height, width]: Size): boolean =>
  x0 === 0 && y0 === 0 && x1 === width && y1 === height;
