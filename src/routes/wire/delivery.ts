import { z } from "@hono/zod-openapi";
import type { Delivery } from "../../db/queries/webhook-deliveries.ts";
import { iso, isoOrNull, timeText } from "../http/scope.ts";

export const deliverySchema = z
  .object({
    id: z.string().openapi({ description: "The message's `webhook-id`: the same at every try." }),
    object: z.literal("webhook.delivery"),
    webhook_id: z.string(),
    event: z.string(),
    payload: z.record(z.string(), z.unknown()).openapi({ description: "What is sent." }),
    status: z
      .enum(["queued", "delivered", "failed"])
      .openapi({ description: "queued: on its way, perhaps not for the first time." }),
    attempts: z
      .array(
        z.object({
          at: timeText,
          status: z.int().nullable().openapi({ description: "The receiver's; null where none came." }),
          error: z.string().nullable(),
          ms: z.int(),
        }),
      )
      .openapi({ description: "The last twenty, oldest first." }),
    attempt_count: z.int(),
    created_at: timeText,
    delivered_at: timeText.nullable(),
  })
  .openapi("WebhookDelivery");

export const toDelivery = (row: Delivery): z.output<typeof deliverySchema> => ({
  id: row.id,
  object: "webhook.delivery",
  webhook_id: row.webhookId,
  event: row.event,
  payload: row.payload,
  status: row.status,
  attempts: row.attempts,
  attempt_count: row.attemptCount,
  created_at: iso(row.createdAt),
  delivered_at: isoOrNull(row.deliveredAt),
});
