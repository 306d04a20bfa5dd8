import { likePlaces } from "../domain/finder-layout.ts";
import { clipBox, clipPoint } from "../imaging/geometry.ts";
import type { Box, MaskFormat, Point, Size } from "../imaging/types.ts";
import { AppError } from "../lib/errors.ts";
import { type AskedPrompt, isSought, namedBy } from "./asked-prompt.ts";
import { type AskedFinds, countAsks } from "./find-asks.ts";

/** The largest decoder graph takes 64 tokens, of which a box needs two. */
const maxPoints = 62;

/** What says how many masks an answer has. */
interface Masked extends AskedFinds {
  readonly multimask: boolean | "best";
  /** Objects at most for each label that is asked for, and for all of them. */
  readonly maxObjects: number;
  readonly format: MaskFormat;
}

/**
 * Throws AppError prompt_empty, too_many_prompts, too_many_points, and invalid_request where a prompt asks for what is to
 * be found and is drawn, too: before anything is looked up or computed.
 */
export function checkAmounts(prompts: readonly AskedPrompt[], limit: number, find = false): void {
  if (prompts.length === 0 && !find) {
    throw new AppError("prompt_empty", "prompts: give at least one.", { param: "prompts" });
  }
  if (prompts.length > limit) {
    throw new AppError(
      "too_many_prompts",
      `prompts: ${prompts.length}; at most ${limit} are allowed (MAX_PROMPTS).`,
      {
        param: "prompts",
      },
    );
  }
  for (const [i, prompt] of prompts.entries()) {
    const param = `prompts[${i}]`;
    const { box: given, points, mask } = prompt;
    checkNamed(prompt, param);
    if (isSought(prompt)) continue;
    if (!given && !mask && (points ?? []).length === 0) {
      throw new AppError(
        "prompt_empty",
        `${param}: give a box, points, a mask, a label or what it is like.`,
        { param },
      );
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

/** Throws AppError invalid_request. */
function checkNamed(prompt: AskedPrompt, param: string): void {
  const refuse = (field: keyof AskedPrompt, why: string): void => {
    if (prompt[field] === undefined) return;
    const at = `${param}.${field}`;
    throw new AppError("invalid_request", `${at}: ${why}`, { param: at });
  };
  if (!isSought(prompt)) {
    refuse("exclude", "only beside a label or like.");
    refuse("region", "only beside a label.");
    return;
  }
  if (prompt.label !== undefined) refuse("text", "label and text say the same; give one of them.");
  if (namedBy(prompt) !== null) refuse("like", "a label says what is looked for; give one of them.");
  const { like } = prompt;
  if (like) refuse("region", "only beside a label.");
  const ways = like && [like.annotation, like.annotations, like.box].filter((way) => way !== undefined);
  if (ways && ways.length !== 1) {
    const at = `${param}.like`;
    const message = `${at}: give an annotation, annotations or a box.`;
    throw new AppError("invalid_request", message, { param: at });
  }
  const what = like ? "like" : "a label";
  refuse("points", `objects of ${what} are found without points.`);
  refuse("mask", `objects of ${what} are found without a mask.`);
}

/**
 * Throws AppError invalid_request, too_many_prompts: before any work. `limit`: objects of all labels and versions, and
 * places where something like another is looked for.
 */
export function checkFinds(asked: Masked, versions: number, limit: number): void {
  const asks = countAsks(asked);
  if (asks === 0) return;
  if (asked.format === "logits") {
    const message =
      "format: logits are given of drawn prompts alone; ask for found objects as rle, polygon or png.";
    throw new AppError("invalid_request", message, { param: "format" });
  }
  const { shown, places } = placesOf(asked);
  if (versions * shown * places > limit) {
    const message =
      `prompts: ${shown} times like, with ${places} places to look at for each, of ${counted(versions)}; ` +
      `${limit} in all are allowed (MAX_EVERYTHING_POINTS). Ask for fewer at a time.`;
    throw new AppError("too_many_prompts", message, { param: "prompts" });
  }
  const { found } = masksOf(asked, versions);
  if (found <= limit) return;
  const message =
    `max_objects: ${asks} times ${asked.maxObjects} objects of ${counted(versions)}; ` +
    `${limit} in all are allowed (MAX_EVERYTHING_POINTS). Lower max_objects, or ask for fewer labels or versions at a time.`;
  throw new AppError("too_many_prompts", message, { param: "max_objects" });
}

/** Prompts that show an object, and how many places are looked at for each. */
export const placesOf = ({ prompts, maxObjects }: Masked): { shown: number; places: number } => {
  const shown = prompts.filter(({ like }) => like !== undefined).length;
  return { shown, places: shown === 0 ? 0 : likePlaces(maxObjects) };
};

const counted = (versions: number): string => `${versions} ${versions === 1 ? "version" : "versions"}`;

/** What of a prompt reached over the image's edge, and was cut: `prompts[0].box`, and what it has become. */
export interface Clipped {
  readonly param: string;
  readonly to: Box | Point;
}

/**
 * Prompts as they lie on the image, and what was cut of them: boxes at its edges, and points that lie less than a pixel
 * outside. Throws AppError box_outside_image, box_zero_area, point_outside_image, point_label_unknown for the rest: before
 * the encoder runs.
 */
export function clipPrompts<Prompt extends Omit<AskedPrompt, "mask">>(
  prompts: readonly Prompt[],
  size: Size,
): { prompts: Prompt[]; clipped: Clipped[] } {
  const clipped: Clipped[] = [];
  const noted = <Place extends Box | Point>(given: Place, to: Place, param: string): Place => {
    if (to.some((value, i) => value !== given[i])) clipped.push({ param, to });
    return to;
  };
  const onImage = prompts.map((prompt, i): Prompt => {
    const at = `prompts[${i}]`;
    const { box, exclude, points, like } = prompt;
    const boxAt = (given: Box, param: string): Box => noted(given, clipBox(given, size, param), param);
    const pointAt = (given: Point, param: string): Point =>
      noted(given, clipPoint(given, size, param), param);
    return {
      ...prompt,
      ...(box && { box: boxAt(box, `${at}.box`) }),
      ...(like?.box && { like: { box: boxAt(like.box, `${at}.like.box`) } }),
      ...(exclude && { exclude: exclude.map((one, k) => boxAt(one, `${at}.exclude[${k}]`)) }),
      ...(points && { points: points.map((one, k) => pointAt(one, `${at}.points[${k}]`)) }),
    };
  });
  return { prompts: onImage, clipped };
}

/** Pixels of all masks of one answer together: a hundred of an image of 8000 x 8000, which take some ten seconds. */
export const mostMaskPixels = 100 * 64_000_000;

/** Masks that an answer will have: of drawn prompts, and of objects that are found at most. */
export function masksOf(asked: Masked, versions: number): { drawn: number; found: number } {
  const drawn = asked.prompts.filter((prompt) => !isSought(prompt)).length;
  return {
    drawn: versions * drawn * (asked.multimask === true ? 3 : 1),
    found: versions * countAsks(asked) * asked.maxObjects,
  };
}

/**
 * Throws AppError answer_too_large: before the encoder runs. Only logits are bounded so, because their size is known
 * beforehand: four bytes a pixel and mask, a third more as base64. The others are as long as their masks' outlines, and
 * are counted as they are made (inference/predict.ts).
 */
export function checkAnswer(
  asked: Masked,
  { versions, size: [height, width], limit }: { versions: number; size: Size; limit: number },
): void {
  const { drawn, found } = masksOf(asked, versions);
  const masks = drawn + found;
  const pixels = height * width;
  if (masks > 1 && masks * pixels > mostMaskPixels) {
    const param = found > 0 ? "max_objects" : "prompts";
    const fewer = found > 0 ? "Lower max_objects, or ask" : "Ask";
    const message =
      `${param}: ${masks} masks of ${width} x ${height} pixels; at most ${Math.max(1, Math.floor(mostMaskPixels / pixels))} ` +
      `of an image of this size are made at a time. ${fewer} for fewer prompts or versions.`;
    throw new AppError("answer_too_large", message, { param });
  }
  if (asked.format !== "logits") return;
  const bytes = masks * Math.ceil((height * width * 4) / 3) * 4;
  if (bytes <= limit) return;
  const message =
    `format: ${masks} masks of ${width} x ${height} logits are ${bytes} bytes; at most ${limit} are allowed (MAX_ANSWER_BYTES). ` +
    "Ask for fewer prompts or versions, or for another format.";
  throw new AppError("answer_too_large", message, { param: "format" });
}
