import type { Zoom } from "../domain/focus.ts";
import type { ModelFamily } from "../domain/model-family.ts";
import type { Box, Size } from "../imaging/types.ts";
import { viewsOf } from "../imaging/views.ts";
import { promptTokens, type PromptTokens } from "./decoder/prompt-tokens.ts";
import type { Prompt } from "./types.ts";

/** One part of an image that is encoded by itself for a prompt. */
export interface PlannedView {
  /** [x0, y0, x1, y1] in whole pixels of the image. */
  readonly region: Box;
  /** The prompt as it is seen there, in pixels of the region's own 1024 frame. */
  readonly tokens: PromptTokens;
}

export interface PlannedPrompt {
  /** What all views together cover. */
  readonly window: Box;
  readonly views: readonly PlannedView[];
}

/**
 * The views of a prompt (imaging/views.ts) on an image of `size`, and how the prompt reads in each.
 * Throws what promptTokens throws.
 */
export function planPrompt(
  prompt: Prompt,
  size: Size,
  zoom: Zoom | null,
  { maxTokens, family = "sam" }: { maxTokens: number; family?: ModelFamily },
): PlannedPrompt {
  const { box, points, mask } = prompt;
  // Checks the prompt as it was asked, and is what plain SAM would see.
  const whole = promptTokens(prompt, size, maxTokens, family);
  const { window, views } = viewsOf({ box, points, mask: mask !== undefined }, size, zoom);
  if (!zoom) return { window, views: [{ region: window, tokens: whole }] };
  return {
    window,
    views: views.map((view): PlannedView => {
      const { region } = view;
      const own: Size = [region[3] - region[1], region[2] - region[0]];
      const seen = { box: view.box, points: view.points, mask };
      return { region, tokens: promptTokens(seen, own, maxTokens, family) };
    }),
  };
}
