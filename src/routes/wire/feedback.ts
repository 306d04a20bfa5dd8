import { z } from "@hono/zod-openapi";
import type { SaidFeedback } from "../../actions/give-feedback.ts";
import type { Feedback } from "../../db/queries/feedback.ts";
import { feedbackActions } from "../../domain/feedback.ts";
import { iso, text, timeText, versionNumber } from "../http/scope.ts";
import { loggedPromptSchema, toLoggedPrompt, toVersionName, versionOrBase } from "./lineage.ts";
import { annotationMask } from "./mask.ts";

export const feedbackBody = z.strictObject({
  action: z.enum(feedbackActions).openapi({
    description: "accept: the mask is right; reject: it is wrong; correct: it should have been `mask`.",
  }),
  prompt: z.int().min(0).default(0).openapi({
    description:
      "Index of the prompt in the request. For what `find` found, the number of prompts. For segment-everything, index of the mask in the answer, counting through the masks of all versions.",
  }),
  version: z
    .union([z.literal("base"), versionNumber()])
    .optional()
    .openapi({
      description:
        "The version whose mask is meant. Defaults to the first version that answered or, for segment-everything, to the version that found the mask.",
    }),
  mask_index: z.int().min(0).default(0).openapi({
    description:
      "Index among that prompt's masks. Each object found for a label is judged by itself; of a drawn prompt's masks only the latest judgement counts.",
  }),
  mask: annotationMask.optional(),
  label: text(200).nullable().optional().openapi({
    description: "Defaults to the label of a found object, else to none; null stands for none.",
  }),
  group: text(200).optional().openapi({ description: "Sets the image's split group." }),
});

export const feedbackSchema = z
  .object({
    id: z.string(),
    object: z.literal("feedback"),
    prediction_id: z.string(),
    action: z.enum(feedbackActions),
    prompt_index: z.int(),
    mask_index: z.int(),
    version: versionOrBase,
    prompt: loggedPromptSchema,
    iou: z.number().nullable().openapi({
      description: "IoU between the predicted mask and the correction: how wrong the version was.",
    }),
    annotation_id: z
      .string()
      .nullable()
      .openapi({ description: "The annotation created from it; null for a rejection." }),
    actor: z.string().nullable(),
    created_at: timeText,
  })
  .openapi("Feedback");

export const toFeedback = (row: Feedback): z.output<typeof feedbackSchema> => ({
  id: row.id,
  object: "feedback",
  prediction_id: row.predictionId,
  action: row.action,
  prompt_index: row.promptIndex,
  mask_index: row.maskIndex,
  version: toVersionName(row.version),
  prompt: toLoggedPrompt(row.prompt),
  iou: row.iou,
  annotation_id: row.annotationId,
  actor: row.actor,
  created_at: iso(row.createdAt),
});

export const toSaid = (body: z.output<typeof feedbackBody>): Omit<SaidFeedback, "predictionId"> => ({
  action: body.action,
  promptIndex: body.prompt,
  version: body.version === "base" ? 0 : body.version,
  maskIndex: body.mask_index,
  mask: body.mask,
  label: body.label,
  group: body.group,
});
