import type { Refine } from "../domain/focus.ts";

/** Bytes a pixel of a point head. */
export const headRoom = 32;

/**
 * Pixels that an area should reach beyond all that may be foreground, so that every pixel that can change sees all that it
 * would see in the whole image.
 */
export const refineRoom = (refine: Refine): number =>
  "point_head" in refine ? headRoom : 2 * refine.radius + 1;
