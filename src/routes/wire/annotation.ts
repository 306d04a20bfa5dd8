import { z } from "@hono/zod-openapi";
import type { Annotation } from "../../db/queries/annotations.ts";
import { isProposal } from "../../domain/feedback.ts";
import { idText, iso, text, timeText } from "../http/scope.ts";
import { loggedPromptSchema, toLoggedPrompt, toVersionName, versionOrBase } from "./lineage.ts";
import { annotationMask, box, wireMask } from "./mask.ts";

export const annotationBody = z.strictObject({
  image_id: idText(),
  mask: annotationMask,
  box: box
    .optional()
    .openapi({ description: "Defaults to the mask's tight bounding box; cut at the image's edge." }),
  label: text(200).optional(),
  group: text(200).optional().openapi({ description: "Sets the image's split group." }),
});

export const annotationSchema = z
  .object({
    id: z.string(),
    object: z.literal("annotation"),
    image_id: z.string(),
    mask: wireMask,
    box,
    area: z.int().openapi({ description: "Foreground pixels." }),
    label: z.string().nullable(),
    source: z.enum(["api", "import", "feedback", "proposal"]),
    lineage: z
      .object({
        action: z.enum(["accept", "correct"]),
        prediction_id: z.string().nullable().openapi({ description: "null for a proposal." }),
        proposal_id: z.string().nullable().openapi({ description: "null for feedback." }),
        version: versionOrBase,
        prompt: loggedPromptSchema,
      })
      .nullable()
      .openapi({
        description:
          "Set for masks that a version made: which one, by which prompt, in which prediction or proposal.",
      }),
    created_at: timeText,
  })
  .openapi("Annotation");

export const toAnnotation = (
  row: Annotation,
  written = (counts: string): string => counts,
): z.output<typeof annotationSchema> => ({
  id: row.id,
  object: "annotation",
  image_id: row.imageId,
  mask: { format: "rle", size: [row.height, row.width], counts: written(row.counts) },
  box: row.box,
  area: row.area,
  label: row.label,
  source: row.source,
  lineage: row.lineage && {
    action: row.lineage.action,
    prediction_id: isProposal(row.lineage) ? null : row.lineage.predictionId,
    proposal_id: isProposal(row.lineage) ? row.lineage.proposalId : null,
    version: toVersionName(row.lineage.version),
    prompt: toLoggedPrompt(row.lineage.prompt),
  },
  created_at: iso(row.createdAt),
});
