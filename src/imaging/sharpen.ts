import type { Refine } from "../lib/focus.ts";
import { cropImage } from "./crop.ts";
import { guidedLogits } from "./guided-filter.ts";
import { judgePoints, readHead } from "./points/head.ts";
import { resizeBilinear } from "./resize.ts";
import { resizePlane } from "./resize-plane.ts";
import type { Box, RgbImage, Size } from "./types.ts";

/** Masks are sharpened in windows of at most this side: larger ones are scaled down for it, which bounds its time. */
const mostSide = 1024;

/**
 * A window's logits, row-major [height, width] at the image's own scale, sharpened by the image there: see
 * guided-filter.ts and points/head.ts. Radii and distances count pixels of the scale that is worked at. `box` is the
 * prompt's, in pixels of the image, where it had one. Throws what readHead throws.
 */
export function sharpen(
  logits: Float32Array,
  image: RgbImage,
  window: Box,
  { refine, box }: { refine: Refine; box: Box | null },
): Float32Array {
  const { guide, boxIn, toWork, back } = atWork(image, window);
  const scaled = toWork(logits);
  if (!("point_head" in refine)) return back(guidedLogits(scaled, guide, refine));
  return back(judgePoints(scaled, guide, { head: readHead(refine), box: box && boxIn(box) }));
}

/** An IoU prediction for a mask that was sharpened, in [0, 1], from that for the mask as it was. */
export const sharpScore = (score: number, refine: Refine): number =>
  "point_head" in refine ? Math.max(0, Math.min(1, score + refine.point_head.score_shift)) : score;

/** A window at the scale that is worked at. */
export interface AtWork {
  /** The image below the window. */
  readonly guide: RgbImage;
  /** A box of the image, in pixels of the guide. */
  readonly boxIn: (box: Box) => Box;
  /** A plane of the window's size, row-major, at the guide's; and one of the guide's at the window's own again. */
  readonly toWork: (plane: Float32Array) => Float32Array;
  readonly back: (plane: Float32Array) => Float32Array;
}

export function atWork(image: RgbImage, window: Box): AtWork {
  const crop = cropImage(image, window);
  const scale = Math.min(1, mostSide / Math.max(crop.width, crop.height));
  const side = (length: number): number => Math.max(1, Math.round(length * scale));
  const guide = resizeBilinear(crop, side(crop.width), side(crop.height));
  const [size, working]: [Size, Size] = [
    [crop.height, crop.width],
    [guide.height, guide.width],
  ];
  const [across, down] = [guide.width / crop.width, guide.height / crop.height];
  const [left, top] = window;
  return {
    guide,
    boxIn: ([x0, y0, x1, y1]) => [
      (x0 - left) * across,
      (y0 - top) * down,
      (x1 - left) * across,
      (y1 - top) * down,
    ],
    toWork: (plane) => resizePlane(plane, size, working),
    back: (plane) => resizePlane(plane, working, size),
  };
}
