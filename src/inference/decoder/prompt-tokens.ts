import { fits, type ModelFamily } from "../../domain/model-family.ts";
import { toInputFrame } from "../../imaging/coordinates.ts";
import { checkBox, checkPoint } from "../../imaging/geometry.ts";
import type { Size } from "../../imaging/types.ts";
import { AppError } from "../../lib/errors.ts";
import type { Prompt } from "../types.ts";

/** Sparse tokens of one prompt: coords [T, 2] in pixels of the 1024 frame, labels [T] as Meta's (1, 0, 2, 3, -1). */
export interface PromptTokens {
  readonly coords: Float32Array;
  readonly labels: readonly number[];
}

/**
 * A prompt's tokens, in Meta's order: the points, then the box's two corners; without a box, points are followed by a
 * padding point (0, 0) with label -1, and all of SAM 2's are. A prompt that is a mask alone has none.
 * Source: segment-anything modeling/prompt_encoder.py, forward and _embed_points; sam2 sam2_image_predictor.py, _predict.
 * Throws AppError prompt_empty, box_zero_area, box_outside_image, point_outside_image, point_label_unknown,
 * too_many_points (params `box`, `points[2]`, ...).
 */
export function promptTokens(
  prompt: Prompt,
  size: Size,
  maxTokens: number,
  family: ModelFamily = "sam",
): PromptTokens {
  const { box, mask } = prompt;
  const points = prompt.points ?? [];
  if (!box && !mask && points.length === 0) {
    throw new AppError("prompt_empty", "a prompt has at least one of box, points and mask");
  }
  const padded = !box || family === "sam2";
  const extra = (box ? 2 : 0) + (padded ? 1 : 0);
  if (points.length + extra > maxTokens) {
    throw new AppError("too_many_points", `${points.length} points; ${maxTokens - extra} are the most`, {
      param: "points",
    });
  }
  if (box) checkBox(box, size);
  for (const [i, point] of points.entries()) checkPoint(point, size, `points[${i}]`);
  const coords = toInputFrame([...points.flatMap(([x, y]) => [x, y]), ...(box ?? [])], size, fits[family]);
  const labels = [...points.map(([, , label]): number => label), ...(box ? [2, 3] : [])];
  if (!padded || labels.length === 0) return { coords, labels };
  return { coords: Float32Array.of(...coords, 0, 0), labels: [...labels, -1] };
}

/** Label of a token that does not exist: the graph leaves it out exactly. */
const absent = -2;

/** Several prompts as one batch of `width` tokens each: coords [P, width, 2], labels [P, width]. */
export function batchTokens(
  prompts: readonly PromptTokens[],
  width: number,
): { coords: Float32Array; labels: Float32Array } {
  const coords = new Float32Array(prompts.length * width * 2);
  const labels = new Float32Array(prompts.length * width).fill(absent);
  for (const [i, prompt] of prompts.entries()) {
    coords.set(prompt.coords, i * width * 2);
    labels.set(prompt.labels, i * width);
  }
  return { coords, labels };
}
