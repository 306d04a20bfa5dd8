import { createRoute, z } from "@hono/zod-openapi";
import { getDelivery, listDeliveries, replayDelivery } from "../db/queries/webhook-deliveries.ts";
import { getWebhook } from "../db/queries/webhooks.ts";
import { deliverySchema, toDelivery } from "./wire/delivery.ts";
import { failures } from "./http/errors.ts";
import { pageBody, pageOf, pageQuery, pageRequest } from "./http/pages.ts";
import { createRouter } from "./http/router.ts";
import type { RouteContext } from "./http/env.ts";
import { deliveryParams, json, webhookParams } from "./http/scope.ts";

const tags = ["webhooks"];

const list = createRoute({
  method: "get",
  path: "/v1/webhooks/{webhook_id}/deliveries",
  tags,
  summary: "List messages sent to a webhook, newest first",
  description: "Messages are kept for 30 days.",
  request: {
    params: webhookParams,
    query: pageQuery.extend({ status: z.enum(["queued", "delivered", "failed"]).optional() }),
  },
  responses: {
    200: json(pageOf(deliverySchema), "One page."),
    ...failures("invalid_request", "webhook_not_found"),
  },
});

const get = createRoute({
  method: "get",
  path: "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}",
  tags,
  summary: "Get a message and its delivery attempts",
  request: { params: deliveryParams },
  responses: { 200: json(deliverySchema, "The message."), ...failures("webhook_delivery_not_found") },
});

const replay = createRoute({
  method: "post",
  path: "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
  tags,
  summary: "Resend a message; no effect while it is being delivered",
  request: { params: deliveryParams },
  responses: {
    202: json(deliverySchema, "The message, queued for delivery."),
    ...failures("webhook_delivery_not_found"),
  },
});

export function webhookDeliveryRoutes({ db }: RouteContext) {
  const router = createRouter();

  router.openapi(list, async (c) => {
    const { workspaceId } = c.get("caller");
    const { webhook_id: webhookId } = c.req.valid("param");
    const query = c.req.valid("query");
    await getWebhook(db, { workspaceId, id: webhookId });
    const page = await listDeliveries(
      db,
      { workspaceId, webhookId },
      { ...pageRequest(query), status: query.status },
    );
    return c.json(pageBody(page, toDelivery), 200);
  });

  router.openapi(get, async (c) => {
    const params = c.req.valid("param");
    const scope = { workspaceId: c.get("caller").workspaceId, webhookId: params.webhook_id };
    return c.json(toDelivery(await getDelivery(db, scope, params.delivery_id)), 200);
  });

  router.openapi(replay, async (c) => {
    const params = c.req.valid("param");
    const scope = { workspaceId: c.get("caller").workspaceId, webhookId: params.webhook_id };
    return c.json(toDelivery(await replayDelivery(db, scope, params.delivery_id)), 202);
  });

  return router;
}
