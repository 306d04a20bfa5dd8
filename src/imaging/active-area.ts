import { faintLogit } from "../lib/faint.ts";
import type { Box, Size } from "./types.ts";

/**
 * Round all of a plane of logits, row-major [height, width], that may be foreground, with `room` pixels more on each
 * side; null where nothing may be.
 */
export function activeArea(logits: Float32Array, [height, width]: Size, room: number): Box | null {
  const inRow = (y: number): boolean => {
    for (let i = y * width; i < (y + 1) * width; i++) if ((logits[i] as number) > faintLogit) return true;
    return false;
  };
  let [top, bottom] = [0, height - 1];
  while (top < height && !inRow(top)) top++;
  if (top === height) return null;
  while (!inRow(bottom)) bottom--;
  // Each row is looked at from its ends up to the columns that are known to count.
  let [left, right] = [width, -1];
  for (let y = top, start = top * width; y <= bottom; y++, start += width) {
    let x = 0;
    while (x < left && !((logits[start + x] as number) > faintLogit)) x++;
    left = x;
    x = width - 1;
    while (x > right && !((logits[start + x] as number) > faintLogit)) x--;
    right = x;
  }
  return [
    Math.max(0, left - room),
    Math.max(0, top - room),
    Math.min(width, right + room + 1),
    Math.min(height, bottom + room + 1),
  ];
}
