import type { Refine } from "../lib/focus.ts";
import { cropImage } from "./crop.ts";
import { guidedLogits } from "./guided-filter.ts";
import { resizeBilinear } from "./resize.ts";
import { resizePlane } from "./resize-plane.ts";
import type { Box, RgbImage, Size } from "./types.ts";

/** The filter works on windows of at most this side: larger ones are scaled down for it, which bounds its time. */
const mostSide = 1024;

/**
 * A window's logits, row-major [height, width] at the image's own scale, sharpened along the edges of the image there;
 * see guided-filter.ts. The filter's radius counts pixels of the scale that it works at.
 */
export function sharpen(logits: Float32Array, image: RgbImage, window: Box, refine: Refine): Float32Array {
  const size: Size = [window[3] - window[1], window[2] - window[0]];
  const guide = workingGuide(image, window);
  const working: Size = [guide.height, guide.width];
  return resizePlane(guidedLogits(resizePlane(logits, size, working), guide, refine), working, size);
}

/** The image below a window at the scale that the filter works at. */
function workingGuide(image: RgbImage, window: Box): RgbImage {
  const crop = cropImage(image, window);
  const scale = Math.min(1, mostSide / Math.max(crop.width, crop.height));
  const side = (length: number): number => Math.max(1, Math.round(length * scale));
  return resizeBilinear(crop, side(crop.width), side(crop.height));
}
