import type { Box, Size } from "../../imaging/types.ts";

/** Meta's boxes name the last pixel inside, ours the edge after it. Source: segment-anything utils/amg.py, batched_mask_to_box. */
export const lastPixels = ([x0, y0, x1, y1]: Box): Box => [x0, y0, x1 - 1, y1 - 1];

/** Pixels within which a mask counts as touching an edge. */
const nearness = 20;

/**
 * Whether a mask touches an edge of its crop that is no edge of the image: a neighbouring crop sees more of it.
 * `bbox` and `crop` in pixels of the image. Source: utils/amg.py, is_box_near_crop_edge.
 */
export function nearCropEdge(bbox: Box, crop: Box, [height, width]: Size): boolean {
  const image: Box = [0, 0, width, height];
  const near = (value: number, edge: number): boolean => Math.abs(value - edge) <= nearness;
  return lastPixels(bbox).some(
    (value, i) => near(value, crop[i] as number) && !near(value, image[i] as number),
  );
}
