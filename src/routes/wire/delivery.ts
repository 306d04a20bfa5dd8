import { z } from "@hono/zod-openapi";
import type { Delivery } from "../../db/queries/webhook-deliveries.ts";
import { iso, isoOrNull, timeText } from "../http/scope.ts";

export const deliverySchema = z
  .object({
    id: z.string().openapi({ description: "The message's `webhook-id`, the same for every attempt." }),
    object: z.literal("webhook.delivery"),
    webhook_id: z.string(),
    event: z.string(),
    payload: z.record(z.string(), z.unknown()).openapi({ description: "The message body." }),
    status: z
      .enum(["queued", "delivered", "failed"])
      .openapi({ description: "queued: waiting to be delivered, possibly again." }),
    attempts: z
      .array(
        z.object({
          at: timeText,
          status: z
            .int()
            .nullable()
            .openapi({ description: "The receiver's HTTP status; null if there was no answer." }),
          error: z.string().nullable(),
          ms: z.int(),
        }),
      )
      .openapi({ description: "The last twenty attempts, oldest first." }),
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
