import type { Size } from "./types.ts";

/** Masks are refined in windows of at most this side: larger ones are scaled down for it, which bounds time and memory. */
export const mostSide = 1024;

/** The [height, width] at which a window of `size` is refined: its own, or less. */
export function workingSize([height, width]: Size): Size {
  const scale = Math.min(1, mostSide / Math.max(height, width));
  return [Math.max(1, Math.round(height * scale)), Math.max(1, Math.round(width * scale))];
}
