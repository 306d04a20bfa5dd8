import { z } from "@hono/zod-openapi";
import type { Predicted } from "../../actions/predict.ts";
import { versionNames } from "./version-name.ts";
import { imageBody } from "./image.ts";
import { LateValues, maskWriter } from "../http/stream-json.ts";
import { box, maskFormat, maskWith, point, promptMask } from "./mask.ts";

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
      "Each prompt describes one object by at least one of box, points and mask, in any combination and with any number of points.",
  }),
  version: versionNames,
  multimask: z
    .union([z.boolean(), z.literal("best")])
    .default(false)
    .openapi({
      description:
        "For ambiguous prompts: true returns SAM's three masks, best first; best returns the one of these with the highest score; false returns the single mask that SAM gives for an unambiguous prompt.",
    }),
  format: maskFormat.default("rle"),
  polygon_tolerance: z.number().min(0).max(100).default(0).openapi({
    description:
      "Maximum distance, in pixels, of a dropped polygon corner from the simplified edge; 0 keeps the corner of every pixel.",
  }),
});

export type PredictBody = z.output<typeof predictBody>;

const predictedMask = maskWith({
  score: z.number().openapi({ description: "The decoder's IoU prediction." }),
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
        description: "The image's handle: sent as `image.sha256` in the next request it replaces the bytes.",
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

/** A result as it is sent; version 0 is called `base`. What takes long to write is put down in `late`. */
export function toPrediction(
  { id, image, result }: Predicted,
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
