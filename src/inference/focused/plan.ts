import type { Zoom } from "../../lib/focus.ts";
import type { Box, Size } from "../../imaging/types.ts";
import { boxIn, pointsIn, tilesOf, windowOf } from "../../imaging/windows.ts";
import { promptTokens, type PromptTokens } from "../prompt-tokens.ts";
import type { Prompt } from "../types.ts";

/** One part of an image that is encoded by itself for a prompt. */
export interface PlannedPart {
  /** [x0, y0, x1, y1] in whole pixels of the image. */
  readonly region: Box;
  /** The prompt as it is seen there, in pixels of the region's own 1024 frame. */
  readonly tokens: PromptTokens;
}

export interface PlannedLook {
  /** What all parts together cover. */
  readonly window: Box;
  readonly parts: readonly PlannedPart[];
}

/**
 * Which parts of an image of `size` are looked at for a prompt, and how the prompt reads there. A tile that the box does
 * not touch and in which nobody clicked is left out: there is nothing of the object in it.
 * Throws what promptTokens throws.
 */
export function planLook(prompt: Prompt, size: Size, zoom: Zoom | null, maxTokens: number): PlannedLook {
  // Checks the prompt as it was asked, and is what plain SAM would see.
  const whole = promptTokens(prompt, size, maxTokens);
  const all: Box = [0, 0, size[1], size[0]];
  if (!zoom) return { window: all, parts: [{ region: all, tokens: whole }] };
  const window = windowOf(prompt, size, zoom);
  const parts = tilesOf(window, zoom.tiles).flatMap((region): PlannedPart[] => {
    const box = prompt.box && (boxIn(prompt.box, region) ?? undefined);
    const points = pointsIn(prompt.points ?? [], region);
    const seen = box !== undefined || points.length > 0 || isMaskAlone(prompt);
    if (!seen) return [];
    const [height, width] = [region[3] - region[1], region[2] - region[0]];
    return [{ region, tokens: promptTokens({ box, points, mask: prompt.mask }, [height, width], maxTokens) }];
  });
  return { window, parts };
}

const isMaskAlone = ({ box, points, mask }: Prompt): boolean =>
  mask !== undefined && box === undefined && (points?.length ?? 0) === 0;
