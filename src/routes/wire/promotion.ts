import { z } from "@hono/zod-openapi";
import type { Promotion } from "../../db/queries/promotions.ts";
import { iso, text, timeText } from "../http/scope.ts";

export const promotionSchema = z
  .object({
    id: z.string(),
    object: z.literal("promotion"),
    kind: z.enum(["promote", "rollback", "auto"]),
    from_version: z.int().nullable().openapi({ description: "Null means the base." }),
    to_version: z.int().nullable(),
    actor: z.string().openapi({ description: "The id of the key, or of the fine-tune for auto." }),
    reason: z.string(),
    created_at: timeText,
  })
  .openapi("Promotion");

export const toPromotion = (row: Promotion): z.output<typeof promotionSchema> => ({
  id: String(row.id),
  object: "promotion",
  kind: row.kind,
  from_version: row.fromVersion,
  to_version: row.toVersion,
  actor: row.actor,
  reason: row.reason,
  created_at: iso(row.createdAt),
});

/** What a promotion or a rollback is told. */
export const promotionReason = z.strictObject({
  reason: text(1000)
    .or(z.literal(""))
    .optional()
    .openapi({ description: "The reason; kept in the audit trail." }),
});
