import { checkBox, checkPoint } from "../imaging/geometry.ts";
import type { MaskFormat, Size } from "../imaging/types.ts";
import { AppError } from "../lib/errors.ts";
import type { AskedPrompt } from "./read-prompts.ts";

/** The largest decoder graph takes 64 tokens, of which a box needs two. */
const maxPoints = 62;

/** What says how many masks an answer has. */
interface Masked {
  readonly prompts: readonly unknown[];
  readonly multimask: boolean | "best";
}

/** Throws AppError prompt_empty, too_many_prompts, too_many_points: before anything is looked up or computed. */
export function checkAmounts(prompts: readonly AskedPrompt[], limit: number): void {
  if (prompts.length === 0) {
    throw new AppError("prompt_empty", "prompts: give at least one.", { param: "prompts" });
  }
  if (prompts.length > limit) {
    throw new AppError("too_many_prompts", `prompts: ${prompts.length}; at most ${limit} are allowed.`, {
      param: "prompts",
    });
  }
  for (const [i, { box: given, points, mask }] of prompts.entries()) {
    const param = `prompts[${i}]`;
    if (!given && !mask && (points ?? []).length === 0) {
      throw new AppError("prompt_empty", `${param}: give a box, points or a mask.`, { param });
    }
    if (points && points.length > maxPoints) {
      throw new AppError(
        "too_many_points",
        `${param}.points: ${points.length}; at most ${maxPoints} are allowed.`,
        {
          param: `${param}.points`,
        },
      );
    }
  }
}

/** Throws AppError box_outside_image, box_zero_area, point_outside_image, point_label_unknown: before the encoder runs. */
export function checkGeometry(prompts: readonly AskedPrompt[], size: Size): void {
  for (const [i, prompt] of prompts.entries()) {
    try {
      if (prompt.box) checkBox(prompt.box, size);
      for (const [k, at] of (prompt.points ?? []).entries()) checkPoint(at, size, `points[${k}]`);
    } catch (error) {
      throw error instanceof AppError ? error.within(`prompts[${i}]`) : error;
    }
  }
}

/** Pixels of all masks of one answer together: a hundred of an image of 8000 x 8000, which take some ten seconds. */
const mostMaskPixels = 100 * 64_000_000;

/** Masks that an answer will have. */
export const masksOf = (asked: Masked, versions: number): number =>
  versions * asked.prompts.length * (asked.multimask === true ? 3 : 1);

/**
 * Throws AppError answer_too_large: before the encoder runs. Only logits are bounded so, because their size is known
 * beforehand: four bytes a pixel and mask, a third more as base64. The others are as long as their masks' outlines, and
 * are counted as they are made (inference/predict.ts).
 */
export function checkAnswer(
  asked: Masked & { readonly format: MaskFormat },
  { versions, size: [height, width], limit }: { versions: number; size: Size; limit: number },
): void {
  const masks = masksOf(asked, versions);
  const pixels = height * width;
  if (masks > 1 && masks * pixels > mostMaskPixels) {
    const message =
      `prompts: ${masks} masks of ${width} x ${height} pixels; at most ${Math.max(1, Math.floor(mostMaskPixels / pixels))} ` +
      "of an image of this size are made at a time. Ask for fewer prompts or versions.";
    throw new AppError("answer_too_large", message, { param: "prompts" });
  }
  if (asked.format !== "logits") return;
  const bytes = masks * Math.ceil((height * width * 4) / 3) * 4;
  if (bytes <= limit) return;
  const message =
    `format: ${masks} masks of ${width} x ${height} logits are ${bytes} bytes; at most ${limit} are allowed. ` +
    "Ask for fewer prompts or versions, or for another format.";
  throw new AppError("answer_too_large", message, { param: "format" });
}
