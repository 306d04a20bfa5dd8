import { faintLogit } from "../lib/faint.ts";
import type { Box, Size } from "./types.ts";

/**
 * Round all of a plane of logits, row-major [height, width], that may be foreground, with `room` pixels more on each
 * side; null where nothing may be.
 */
export function activeArea(logits: Float32Array, [height, width]: Size, room: number): Box | null {
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if ((logits[i] as number) <= faintLogit) continue;
      if (x < left) left = x;
      if (x > right) right = x;
      if (y < top) top = y;
      bottom = y;
    }
  }
  if (right < 0) return null;
  return [
    Math.max(0, left - room),
    Math.max(0, top - room),
    Math.min(width, right + room + 1),
    Math.min(height, bottom + room + 1),
  ];
}
