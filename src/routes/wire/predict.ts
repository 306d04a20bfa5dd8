import { z } from "@hono/zod-openapi";
import { checkBox, checkPoint } from "../../imaging/geometry.ts";
import type { Size } from "../../imaging/types.ts";
import type { PredictResult } from "../../inference/types.ts";
import { AppError } from "../../lib/errors.ts";
import { versionNames } from "./version-name.ts";
import { imageBody } from "./image.ts";
import { LateValues, maskWriter } from "../http/stream-json.ts";
import { box, maskFormat, maskWith, point, promptMask } from "./mask.ts";

/** The largest decoder graph takes 64 tokens, of which a box needs two. */
const maxPoints = 62;

const promptBody = z.strictObject({
  box: box.optional(),
  points: z.array(point).max(1000).optional(),
  mask: promptMask.optional(),
});

/** A prompt without a mask. */
export const promptGeometry = promptBody.omit({ mask: true });

export const predictBody = z.strictObject({
  image: imageBody,
  prompts: z.array(promptBody).max(4096).openapi({
    description:
      "One object each, by at least one of box, points and mask; any mix, and as many points each as it takes.",
  }),
  version: versionNames,
  multimask: z
    .union([z.boolean(), z.literal("best")])
    .default(false)
    .openapi({
      description:
        "For ambiguous prompts: true gives SAM's three masks, best first; best, of these three the one with the highest score; false, the one mask that SAM gives for a clear prompt.",
    }),
  format: maskFormat.default("rle"),
  polygon_tolerance: z.number().min(0).max(100).default(0).openapi({
    description:
      "How far, in pixels, a left-out corner of a polygon may lie from its edge; 0 keeps every pixel's corner.",
  }),
});

export type PredictBody = z.output<typeof predictBody>;

const predictedMask = maskWith({
  score: z.number().openapi({ description: "The decoder's own IoU prediction." }),
  bbox: box,
  area: z.int(),
});

export const predictionSchema = z
  .object({
    id: z.string(),
    object: z.literal("prediction"),
    image: z.object({
      id: z.string().nullable(),
      width: z.int(),
      height: z.int(),
      sha256: z.string().openapi({
        description: "The image's handle: as `image.sha256` of the next request it stands for the bytes.",
      }),
    }),
    results: z.array(
      z.object({
        version: z.union([z.literal("base"), z.int()]),
        predictions: z.array(z.object({ masks: z.array(predictedMask) })),
      }),
    ),
    timing_ms: z.object({
      queue: z.number(),
      embed: z.number(),
      decode: z.number(),
      encode: z.number(),
      total: z.number(),
    }),
  })
  .openapi("Prediction");

/** Throws AppError prompt_empty, too_many_prompts, too_many_points: before anything is looked up or computed. */
export function checkAmounts(prompts: PredictBody["prompts"], limit: number): void {
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
export function checkGeometry(prompts: PredictBody["prompts"], size: Size): void {
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
export const masksOf = (body: Pick<PredictBody, "prompts" | "multimask">, versions: number): number =>
  versions * body.prompts.length * (body.multimask === true ? 3 : 1);

/**
 * Throws AppError answer_too_large: before the encoder runs. Only logits are bounded so, because their size is known
 * beforehand: four bytes a pixel and mask, a third more as base64. The others are as long as their masks' outlines, and
 * are counted as they are made (inference/predict.ts).
 */
export function checkAnswer(
  body: Pick<PredictBody, "prompts" | "multimask" | "format">,
  { versions, size: [height, width], limit }: { versions: number; size: Size; limit: number },
): void {
  const masks = masksOf(body, versions);
  const pixels = height * width;
  if (masks > 1 && masks * pixels > mostMaskPixels) {
    const message =
      `prompts: ${masks} masks of ${width} x ${height} pixels; at most ${Math.max(1, Math.floor(mostMaskPixels / pixels))} ` +
      "of an image of this size are made at a time. Ask for fewer prompts or versions.";
    throw new AppError("answer_too_large", message, { param: "prompts" });
  }
  if (body.format !== "logits") return;
  const bytes = masks * Math.ceil((height * width * 4) / 3) * 4;
  if (bytes <= limit) return;
  const message =
    `format: ${masks} masks of ${width} x ${height} logits are ${bytes} bytes; at most ${limit} are allowed. ` +
    "Ask for fewer prompts or versions, or for another format.";
  throw new AppError("answer_too_large", message, { param: "format" });
}

/** A result as it is sent; version 0 is called `base`. What takes long to write is put down in `late`. */
export function toPrediction(
  id: string,
  image: { id: string | null; sha256: string },
  result: PredictResult,
  late: LateValues = new LateValues(),
): z.output<typeof predictionSchema> {
  const all = result.results.flatMap(({ predictions }) => predictions.flatMap(({ masks }) => masks));
  const written = maskWriter(
    all.map(({ mask }) => mask),
    late,
  );
  return {
    id,
    object: "prediction",
    image: { id: image.id, width: result.width, height: result.height, sha256: image.sha256 },
    results: result.results.map(({ version, predictions }) => ({
      version: version === 0 ? "base" : version,
      predictions: predictions.map(({ masks }) => ({
        masks: masks.map(({ score, bbox, area, mask }) => ({
          score,
          bbox: [...bbox] as [number, number, number, number],
          area,
          ...written(mask),
        })),
      })),
    })),
    timing_ms: { ...result.timingMs },
  };
}
