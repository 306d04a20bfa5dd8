import { z } from "@hono/zod-openapi";
import { anything, open } from "./open-object.ts";

/** Messages of label-studio 1.23 and label-studio-ml 2.0; what they hold beyond this is passed over. */

const id = z.union([z.int().min(0), z.string().max(100)]);
/** It is parsed where requests wait for each other: so much takes 50 ms at most, and a thousand labels fit. */
const labelConfig = z.string().max(100_000).openapi({ description: "The labelling interface's XML." });
const side = z.int().min(1).nullish();

const touch = open({
  type: z.string().max(100).optional(),
  relativePoints: z.array(z.number()).max(100_000).optional(),
});

const smartRegion = open({
  type: z.string().max(100).optional(),
  is_positive: z.boolean().optional(),
  original_width: side,
  original_height: side,
  image_rotation: z.number().nullish(),
  value: open({
    x: z.number().optional(),
    y: z.number().optional(),
    width: z.number().optional(),
    height: z.number().optional(),
    rotation: z.number().nullish(),
    positive: z.boolean().optional(),
    rle: z.array(z.int().min(0).max(255)).max(1_500_000).nullish(),
    touches: z.array(touch).max(1000).optional(),
  }),
});

export const studioPredictBody = open({
  tasks: z
    .array(open({ id: id.optional(), data: z.record(z.string().max(1000), anything()) }))
    .min(1)
    .max(1000),
  label_config: labelConfig,
  model_version: z.string().max(1000).nullish(),
  params: open({
    context: open({
      event: z.enum(["predict", "prewarm"]).optional().openapi({
        description: "prewarm: prepare the image for a prompt that is yet to come.",
      }),
      result: z.array(smartRegion).max(100).optional(),
    }).nullish(),
  }).nullish(),
});

export const studioSetupBody = open({ project: z.string().max(1000), schema: labelConfig });

const savedAnnotation = open({
  id,
  was_cancelled: z.boolean().nullish(),
  updated_at: z.string().max(100).nullish(),
  result: anything().optional(),
});
const task = open({ id, data: z.record(z.string().max(1000), anything()) });
const oneOrMany = <Item extends z.ZodType>(item: Item) => z.union([item, z.array(item).max(1000)]).optional();

export const studioEventBody = open({
  action: z.string().max(100),
  project: open({
    id,
    created_at: z.string().max(100).nullish(),
    label_config: labelConfig.nullish(),
  }).optional(),
  annotation: oneOrMany(savedAnnotation),
  task: oneOrMany(task),
  annotations: z.array(open({ id })).max(10_000).optional(),
});

export const studioHealth = z
  .object({ status: z.literal("UP"), model_class: z.string() })
  .openapi("LabelStudioHealth");
export const studioSetup = z.object({ model_version: z.string() }).openapi("LabelStudioSetup");
export const studioVersions = z.object({ versions: z.array(z.string()) }).openapi("LabelStudioVersions");

const head = {
  id: z.string(),
  from_name: z.string(),
  to_name: z.string(),
};
const labels = z.array(z.string());
const region = z
  .object({
    ...head,
    original_width: z.int(),
    original_height: z.int(),
    image_rotation: z.literal(0),
    type: z.enum(["brushlabels", "polygonlabels", "rectanglelabels"]),
    value: z.union([
      z.object({ format: z.literal("rle"), rle: z.array(z.int()), brushlabels: labels }),
      z.object({
        points: z.array(z.tuple([z.number(), z.number()])),
        closed: z.literal(true),
        polygonlabels: labels,
      }),
      z.object({
        x: z.number(),
        y: z.number(),
        width: z.number(),
        height: z.number(),
        rotation: z.literal(0),
        rectanglelabels: labels,
      }),
    ]),
    score: z.number(),
    readonly: z.literal(false),
  })
  .openapi("LabelStudioRegion");
const acknowledged = z.object({
  ...head,
  type: z.literal("prewarm_ack"),
  origin: z.literal("manual"),
  value: z.object({ status: z.literal("ok"), cached: z.array(z.int()), pending: z.array(z.int()) }),
});

export const studioPredictions = z
  .object({
    results: z.array(
      z.union([
        z.object({
          result: z.array(z.union([region, acknowledged])),
          model_version: z.string(),
          score: z.number().openapi({ description: "Mean of its regions' scores." }),
        }),
        z.object({
          error: z
            .object({ code: z.string(), message: z.string(), param: z.string().optional() })
            .openapi({ description: "Why this task of several has no prediction." }),
        }),
      ]),
    ),
  })
  .openapi("LabelStudioPredictions");

export const studioHeard = z
  .object({
    status: z.literal("ok"),
    result: z.object({
      images: z
        .array(z.string())
        .optional()
        .openapi({ description: "Images whose annotations were replaced." }),
      annotations: z.int().optional().openapi({ description: "Annotations that were made." }),
      deleted: z.int().optional().openapi({ description: "Annotations that were deleted." }),
      left_out: z
        .record(z.string(), z.int())
        .optional()
        .openapi({
          description: "Regions that did not become annotations, by reason.",
          example: { box_only: 2 },
        }),
      fine_tune: z.string().optional().openapi({ description: "The fine-tune that is under way." }),
    }),
  })
  .openapi("LabelStudioHeard");
export const studioUnknownEvent = z.object({ status: z.literal("Unknown event") });
