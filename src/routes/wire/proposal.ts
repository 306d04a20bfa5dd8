import { z } from "@hono/zod-openapi";
import type { LockedProposal, Proposal } from "../../db/queries/proposals.ts";
import { proposalStatuses } from "../../domain/auto-label.ts";
import { idText, iso, isoOrNull, text, timeText } from "../http/scope.ts";
import { annotationMask, box, wireMask } from "./mask.ts";

/** Decisions of one request. */
export const mostDecisions = 500;

export const proposalStatus = z.enum(proposalStatuses);

const annotationId = z.string().nullable().openapi({
  description:
    "The annotation that it became; null unless it is accepted, and once that annotation is deleted.",
});

export const proposalSchema = z
  .object({
    id: z.string(),
    object: z.literal("proposal"),
    image_id: z.string(),
    auto_label_id: z.string(),
    version: z.int().openapi({ description: "The version that found it." }),
    mask: wireMask,
    box,
    area: z.int().openapi({ description: "Foreground pixels." }),
    label: z.string().nullable(),
    label_score: z.number().openapi({
      description: "The expected share of such finds that are objects, from 0 to 1.",
    }),
    score: z.number().openapi({ description: "The decoder's IoU prediction." }),
    status: proposalStatus,
    annotation_id: annotationId,
    decided_by: z.string().nullable().openapi({ description: "The key that decided last." }),
    created_at: timeText,
    decided_at: timeText.nullable(),
  })
  .openapi("Proposal");

export const toProposal = (
  row: Proposal,
  written = (counts: string): string => counts,
): z.output<typeof proposalSchema> => ({
  id: row.id,
  object: "proposal",
  image_id: row.imageId,
  auto_label_id: row.autoLabelId,
  version: row.version,
  mask: { format: "rle", size: [row.height, row.width], counts: written(row.counts) },
  box: row.box,
  area: row.area,
  label: row.label,
  label_score: row.labelScore,
  score: row.score,
  status: row.status,
  annotation_id: row.annotationId,
  decided_by: row.decidedBy,
  created_at: iso(row.createdAt),
  decided_at: isoOrNull(row.decidedAt),
});

export const acceptBody = z.strictObject({
  mask: annotationMask.optional().openapi({ description: "The mask as it should have been." }),
  label: text(200).nullable().optional().openapi({
    description: "The label as it should have been; null stands for none.",
  }),
});

export const decisionsBody = z.strictObject({
  action: z.enum(["accept", "reject"]),
  ids: z.array(idText()).min(1).max(mostDecisions),
});

export const decisionsSchema = z.object({
  object: z.literal("proposal.decisions"),
  data: z.array(z.object({ id: z.string(), status: proposalStatus, annotation_id: annotationId })),
});

export const toDecisions = (rows: readonly LockedProposal[]): z.output<typeof decisionsSchema> => ({
  object: "proposal.decisions",
  data: rows.map((row) => ({ id: row.id, status: row.status, annotation_id: row.annotationId })),
});
