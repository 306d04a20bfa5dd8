import type { ModelFamily } from "../../domain/model-family.ts";
import type { CutMask } from "../../imaging/cut-mask.ts";
import type { Box } from "../../imaging/types.ts";
import type { Random } from "../../lib/random.ts";

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

/**
 * Tokens of the longest training prompt: three clicks and the padding point, or a box and two clicks, behind which SAM 2
 * has the padding point, too.
 */
export const longestPrompt = (family: ModelFamily = "sam"): number => (family === "sam2" ? 5 : 4);

/** Tokens of a box: its corners, and SAM 2's padding point. */
export const boxTokens = (family: ModelFamily = "sam"): number => (family === "sam2" ? 3 : 2);

/** How the prompts of one training sample come about. */
export interface PromptPlan {
  readonly start: "box" | "click";
  /** Rounds of correction: a prediction, and a click where it is most wrong. */
  readonly corrections: 0 | 1 | 2;
  /** Whether the last prediction before the step is also a mask prompt. */
  readonly mask: boolean;
}

/**
 * Shares of the mix. SAM's training starts with a box or a click, equally often, and then gives eleven rounds, each
 * with a corrective click and the mask before it (Kirillov et al. 2023, appendix A). Ours begins with a box more often,
 * as it is boxes that most callers prompt with, and has fewer rounds, each of which costs a prediction.
 */
export const promptMix = { click: 0.3, corrected: 0.4, masked: 0.5 } as const;

export function drawPlan(random: Random, mix: typeof promptMix = promptMix): PromptPlan {
  const start = random.next() < mix.click ? "click" : "box";
  const corrected = random.next() < mix.corrected;
  const [rounds, masked] = [1 + random.below(2), random.next() < mix.masked];
  return corrected
    ? { start, corrections: rounds as 1 | 2, mask: masked }
    : { start, corrections: 0, mask: false };
}

/** A random foreground pixel's middle, pixels of the original image; null where the mask has none. */
export function randomClick(mask: CutMask | null, random: Random): [number, number] | null {
  if (!mask) return null;
  const { width, data, box } = mask;
  let count = 0;
  for (let i = 0; i < data.length; i++) count += data[i] as number;
  let left = random.below(count);
  let at = 0;
  while (data[at] !== 1 || left-- > 0) at++;
  return [box[0] + (at % width) + 0.5, box[1] + Math.floor(at / width) + 0.5];
}
