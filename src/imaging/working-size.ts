import type { Refine } from "../domain/focus.ts";
import type { Size } from "./types.ts";

/** Masks are refined in windows of at most this side: larger ones are scaled down for it, which bounds time and memory. */
export const mostSide = 1024;

/** The [height, width] at which a window of `size` is refined: its own, or less. */
export function workingSize([height, width]: Size): Size {
  const scale = Math.min(1, mostSide / Math.max(height, width));
  return [Math.max(1, Math.round(height * scale)), Math.max(1, Math.round(width * scale))];
}

/** Pixels of an area that is sharpened in one go, at most. */
export const mostPixelsOf = (refine: Refine): number =>
  ("point_head" in refine ? refine.point_head.most_pixels : refine.most_pixels) ?? Infinity;

/**
 * A smaller working size, at which an area of `pixels` has `most` at most. Sides shrink in steps of the fourth root of 2, so
 * that prompts on one image share what is scaled.
 */
export function sizeOfFewer([height, width]: Size, pixels: number, most: number): Size {
  const steps = Math.max(0, Math.ceil(2 * Math.log2(pixels / most)));
  const scaled = (side: number): number => Math.max(1, Math.round(side * 2 ** (-steps / 4)));
  return [scaled(height), scaled(width)];
}
