import { z } from "@hono/zod-openapi";
import type { VersionMetrics } from "../../domain/version.ts";
import { zoomSchema } from "../../domain/focus.ts";
import { servings } from "../../domain/hyperparameters.ts";

type Latency = NonNullable<VersionMetrics["latency"]>;
type ServingMetrics = NonNullable<VersionMetrics["serving"]>;

const promptLatency = z.object({
  warm_ms: z.number().openapi({ description: "With all embeddings that an answer needs in memory." }),
  base_warm_ms: z.number(),
  ratio: z.number().openapi({ description: "warm_ms as a multiple of base_warm_ms." }),
  cold_ms: z.number().openapi({
    description: "With the image's own embedding in memory, but none of this version's windows.",
  }),
  encodes: z.int().openapi({ description: "Parts of the image that a cold answer has to encode." }),
});

/** What a version's answers take, beside the base's. */
export const latencySchema = z
  .object({
    prompts: z.int().openapi({ description: "Prompts of each kind." }),
    box: promptLatency,
    click: promptLatency,
  })
  .openapi({
    description:
      "Medians in milliseconds over held-out prompts, base and version one after the other in the same minute, as predict answers, on the trainer's machine.",
  });

const counted = z.object({
  warm: z.number().openapi({
    description:
      "As a multiple of the base's, all embeddings in memory; interactive versions have 1.5 at most.",
  }),
  encodes: z
    .int()
    .openapi({ description: "With nothing but the image's own embedding; interactive: 1 at most." }),
});

const otherFocus = z.object({
  zoom: zoomSchema.nullable(),
  refined_by: z.enum(["points", "filter"]).nullable(),
  mean_iou: z.number().nullable().openapi({ description: "null if it was not tried." }),
  own_mean_iou: z
    .number()
    .nullable()
    .openapi({ description: "Mean IoU of this version's focus on the same samples." }),
  samples: z.int(),
});

/** How quick answers were weighed against better ones. */
export const servingSchema = z.object({
  asked: z.enum(servings),
  counted: z.object({ box: counted, click: counted }).openapi({
    description:
      "What an answer costs, computed at fixed rates rather than timed, because it decides what is trained: the same data yield the same version everywhere.",
  }),
  given_up: otherFocus.nullable().openapi({
    description: 'What "best" would have taken and "interactive" does not; null where there was nothing.',
  }),
  interactive_twin: otherFocus.nullable().openapi({
    description:
      'What "interactive" would have taken in the place of this version; null where this one answers as quickly.',
  }),
});

type Prompt = Latency["box"];

const toPromptLatency = (of: Prompt): z.output<typeof promptLatency> => ({
  warm_ms: of.warmMs,
  base_warm_ms: of.baseWarmMs,
  ratio: of.ratio,
  cold_ms: of.coldMs,
  encodes: of.encodes,
});

export const toLatency = ({ prompts, box, click }: Latency): z.output<typeof latencySchema> => ({
  prompts,
  box: toPromptLatency(box),
  click: toPromptLatency(click),
});

const toOther = (of: ServingMetrics["givenUp"]): z.output<typeof otherFocus> | null =>
  of && {
    zoom: of.zoom,
    refined_by: of.refinedBy,
    mean_iou: of.meanIou,
    own_mean_iou: of.ownMeanIou,
    samples: of.samples,
  };

export const toServing = (of: ServingMetrics): z.output<typeof servingSchema> => ({
  asked: of.asked,
  counted: of.counted,
  given_up: toOther(of.givenUp),
  interactive_twin: toOther(of.interactiveTwin),
});
