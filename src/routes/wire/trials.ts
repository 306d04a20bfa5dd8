import { z } from "@hono/zod-openapi";
import { zoomSchema } from "../../domain/focus.ts";
import type { VersionTrial } from "../../domain/version.ts";

export const trialsSchema = z
  .array(
    z.object({
      trial: z.int(),
      rung: z.enum(["zoom", "recipe", "final", "flips", "other"]),
      zoom: zoomSchema.nullable(),
      loss: z.string(),
      learning_rate: z.number(),
      turns: z.boolean(),
      samples: z.int(),
      mean_iou: z.number(),
    }),
  )
  .openapi({
    description:
      "Short training runs on halves of the data that chose the recipe and zoom; empty if none ran. Those with rung other were not chosen from: they show what was given up.",
  });

export const toTrials = (trials: readonly VersionTrial[]): z.output<typeof trialsSchema> =>
  trials.map(({ learningRate, meanIou, turns = false, ...rest }) => ({
    ...rest,
    learning_rate: learningRate,
    turns,
    mean_iou: meanIou,
  }));
