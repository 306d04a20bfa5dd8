import { z } from "@hono/zod-openapi";
import type { AnsweredPrompt } from "../../actions/find-objects.ts";
import type { AskedPrediction, Predicted } from "../../actions/predict.ts";
import { versionNames } from "./version-name.ts";
import { imageBody } from "./image.ts";
import { text } from "../http/scope.ts";
import { LateValues, maskWriter } from "../http/stream-json.ts";
import { likeThreshold, mostCentres, mostShown } from "../../domain/finder-layout.ts";
import { box, maskFormat, maskWith, plainMaskWith, point, promptMask } from "./mask.ts";

export const promptBody = z.strictObject({
  box: box.optional().openapi({
    description:
      "Around the object; beside `label` or `like`, the region to look in. Cut at the image's edge, see `clipped`.",
  }),
  points: z.array(point).max(1000).optional(),
  mask: promptMask.optional(),
  label: text(200)
    .optional()
    .openapi({
      description:
        "Asks for every object with this label, as the version was taught it, without drawing. Case, plural and " +
        "surrounding space are forgiven.",
      example: "stamp",
    }),
  text: text(200).optional().openapi({ description: "The same as `label`; give one of them." }),
  region: z.boolean().optional().openapi({
    description:
      "With `label`, true: all its objects are answered as one mask, such as all roofs of an image; its scores are the mean of theirs by pixels.",
  }),
  like: z
    .strictObject({
      annotation: text(200)
        .optional()
        .openapi({ description: "An annotation of the project, on any image." }),
      annotations: z.array(text(200)).min(1).max(mostShown).optional().openapi({
        description: "Several, on any images: what they have in common is looked for.",
      }),
      box: box.optional().openapi({ description: "A box round an object of this image." }),
    })
    .optional()
    .openapi({
      description:
        "Asks for the objects that are like one that is there, without any training: give `annotation`, `annotations` or `box`. What is shown is left out of the answer. At most 200 places are looked at, twice as many as `max_objects` and at least 64.",
    }),
  exclude: z.array(box).max(100).optional().openapi({
    description: "With `label` or `like`: regions to leave out; an object is in a region if its centre is.",
  }),
});

/** A drawn prompt without a mask. */
export const promptGeometry = promptBody.pick({ box: true, points: true });

const mostObjects = 500;

export const predictBody = z.strictObject({
  image: imageBody,
  prompts: z
    .array(promptBody)
    .max(4096)
    .default([])
    .openapi({
      description:
        "Each prompt describes one object by at least one of box, points and mask, in any combination and with any " +
        "number of points; or all objects of a label by its name, or like an object that is there, within `box` if there is one. Needed unless `find` is true.",
    }),
  find: z.boolean().default(false).openapi({
    description: "true: also find the objects of all labels that the version was taught.",
  }),
  labels: z.boolean().default(false).openapi({
    description:
      "true: each mask of a drawn prompt gets the `label` and `label_score` of what the version sees there. A mask where it sees nothing that it was taught gets neither.",
  }),
  find_threshold: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .openapi({
      description: `Found objects with a lower label_score are left out; defaults to the version's own \`finder.threshold\`, and to ${likeThreshold} with \`like\`. At most the ${mostCentres} highest centres above it are looked at.`,
    }),
  max_objects: z.int().min(1).max(mostObjects).default(100).openapi({
    description:
      "Maximum number of objects found per prompt with `label` or `like`, and with `find`; the best are kept.",
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

export const toAsked = ({
  polygon_tolerance: polygonTolerance,
  find_threshold: findThreshold,
  max_objects: maxObjects,
  ...rest
}: PredictBody): Omit<AskedPrediction, "requestBytes"> => ({
  ...rest,
  polygonTolerance,
  findThreshold,
  maxObjects,
});

/** What stands beside a mask. */
const besideMask = {
  score: z.number().openapi({ description: "The decoder's IoU prediction." }),
  object_score: z.number().optional().openapi({
    description:
      "SAM 2's probability that there is an object where the prompt points, from 0 to 1; the same for all masks of a prompt. Fine-tunes don't train it. Missing on SAM, and where the decoder came in a file without its head, as samexporter writes them.",
  }),
  bbox: box,
  area: z.int(),
  label: z.string().nullable().optional().openapi({
    description:
      "What the object is; null for annotations without a label. Present for drawn prompts only with `labels`, where the version recognises something.",
  }),
  label_score: z.number().optional().openapi({
    description:
      "The expected share of such finds that are objects, from 0 to 1; of what `like` found, how much it is like the object shown, not calibrated.",
  }),
};

const answeredPromptOf = <Mask extends z.ZodType>(mask: Mask) =>
  z.object({
    masks: z
      .array(mask)
      .openapi({ description: "Found objects are ordered by label_score, the best first." }),
    left_out: z.int().optional().openapi({
      description: "Objects that `max_objects` left out. Missing for drawn prompts.",
    }),
  });

function predictionOf<Mask extends z.ZodType>(mask: Mask) {
  const answeredPrompt = answeredPromptOf(mask);
  return z.object({
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
        predictions: z.array(answeredPrompt),
        found: answeredPrompt.optional().openapi({
          description:
            "Objects of all labels, with `find`. In feedback and mask references their prompt index is the number of prompts.",
        }),
      }),
    ),
    clipped: z
      .array(
        z.object({
          param: z.string().openapi({ example: "prompts[0].box" }),
          to: z.array(z.number()).openapi({ description: "The box or point that was used." }),
        }),
      )
      .optional()
      .openapi({
        description:
          "Boxes that extended past the image's edge and were cut there, and points less than a pixel outside. Missing if there were none.",
      }),
    timing_ms: z.object({
      queue: z.number(),
      embed: z.number(),
      decode: z.number(),
      encode: z.number(),
      total: z.number(),
    }),
  });
}

const predictedMask = maskWith(besideMask);
export const predictionSchema = predictionOf(predictedMask).openapi("Prediction");
/** One whose masks were asked for as run lengths or polygons. */
export const plainPredictionSchema = predictionOf(plainMaskWith(besideMask));

/** A result as it is sent; version 0 is called `base`. What takes long to write is put down in `late`. */
export function toPrediction(
  { id, image, result, clipped }: Predicted,
  late: LateValues = new LateValues(),
): z.output<typeof predictionSchema> {
  const all = result.results.flatMap(({ predictions, found }) =>
    [...predictions, ...(found ? [found] : [])].flatMap(({ masks }) => masks),
  );
  const written = maskWriter(
    all.map(({ mask }) => mask),
    late,
  );
  const toAnswer = ({
    masks,
    left,
  }: AnsweredPrompt): z.output<ReturnType<typeof answeredPromptOf<typeof predictedMask>>> => ({
    masks: masks.map(({ score, objectScore, bbox, area, mask, label, labelScore }) => ({
      score,
      ...(objectScore !== undefined && { object_score: objectScore }),
      bbox: [...bbox] as [number, number, number, number],
      area,
      ...(label !== undefined && { label }),
      ...(labelScore !== undefined && { label_score: labelScore }),
      ...written(mask),
    })),
    ...(left !== undefined && { left_out: left }),
  });
  return {
    id,
    object: "prediction",
    image: { id: image.id, width: result.width, height: result.height, sha256: image.sha256 },
    results: result.results.map(({ version, predictions, found }) => ({
      version: version === 0 ? "base" : version,
      predictions: predictions.map(toAnswer),
      ...(found && { found: toAnswer(found) }),
    })),
    ...(clipped.length > 0 && { clipped: clipped.map(({ param, to }) => ({ param, to: [...to] })) }),
    timing_ms: { ...result.timingMs },
  };
}
