import type { Box } from "../imaging/types.ts";
import type { Random } from "../lib/random.ts";

/**
 * A box as a person would draw it: each edge moved by normal noise. SAM was trained with a standard deviation of
 * 10 % of the side and at most 20 pixels (Kirillov et al. 2023, appendix A); ours is 5 %, with which the first
 * measurements were made: people who tune a version draw boxes with care.
 * Pixels of the original image; the result stays inside it and is at least one pixel wide and high.
 */
export function jitterBox(
  box: Box,
  image: { width: number; height: number },
  random: Random,
  deviation = 0.05,
): Box {
  const [x0, y0, x1, y1] = box;
  const limit = 20;
  const shift = (side: number): number =>
    Math.max(-limit, Math.min(limit, random.normal() * side * deviation));
  const [left, right] = edges(x0 + shift(x1 - x0), x1 + shift(x1 - x0), image.width);
  const [top, bottom] = edges(y0 + shift(y1 - y0), y1 + shift(y1 - y0), image.height);
  return [left, top, right, bottom];
}

function edges(from: number, to: number, length: number): [number, number] {
  const low = Math.max(0, Math.min(from, to, length - 1));
  return [low, Math.max(low + 1, Math.min(length, Math.max(from, to)))];
}

/** Tokens of the longest training prompt: three clicks and the padding point, or a box and two clicks. */
export const longestPrompt = 4;
