import { createRoute, z } from "@hono/zod-openapi";
import { addWebhook } from "../actions/add-webhook.ts";
import { insertDelivery } from "../db/queries/webhook-deliveries.ts";
import {
  changeWebhook,
  deleteWebhook,
  getWebhook,
  listWebhooks,
  rotateWebhookSecret,
  type Webhook,
} from "../db/queries/webhooks.ts";
import { webhookEvents } from "../db/schema/index.ts";
import { newId } from "../lib/ids.ts";
import { checkWebhookUrl } from "../webhooks/guard.ts";
import { generateSecret } from "../webhooks/sign.ts";
import { deliverySchema, toDelivery } from "./wire/delivery.ts";
import { failures } from "./http/errors.ts";
import { idempotencyErrors, idempotencyHeader, idempotent } from "./http/idempotency.ts";
import { pageBody, pageOf, pageQuery, pageRequest } from "./http/pages.ts";
import { createRouter } from "./http/router.ts";
import type { RouteContext } from "./http/env.ts";
import { deleted, idText, iso, isoOrNull, json, jsonBody, timeText, webhookParams } from "./http/scope.ts";
import { limitBody } from "./http/upload.ts";

const url = z.string().max(2000).openapi({ example: "https://example.org/hooks/maskwright" });
const events = z
  .array(z.enum(webhookEvents))
  .max(100)
  .openapi({ description: "The events to send; all if none are named." });

const webhookSchema = z
  .object({
    id: z.string(),
    object: z.literal("webhook"),
    url,
    project_id: z.string().nullable().openapi({ description: "null: all projects of the workspace." }),
    events,
    enabled: z.boolean().openapi({ description: "A webhook whose receiver answers 410 is disabled." }),
    previous_secret_expires_at: timeText.nullable().openapi({
      description: "Until then messages are also signed with the secret from before the last rotation.",
    }),
    created_at: timeText,
  })
  .openapi("Webhook");

const newWebhookSchema = webhookSchema
  .extend({
    secret: z.string().nullable().openapi({
      description: "Signs every message. Shown only this once: a replay by Idempotency-Key has null here.",
    }),
  })
  .openapi("NewWebhook");

const toWebhook = (row: Webhook): z.output<typeof webhookSchema> => ({
  id: row.id,
  object: "webhook",
  url: row.url,
  project_id: row.projectId,
  events: row.events,
  enabled: row.enabled,
  previous_secret_expires_at: isoOrNull(row.previousSecretUntil),
  created_at: iso(row.createdAt),
});

type NewWebhook = z.output<typeof newWebhookSchema>;

/** What is kept of an answer for its replay. */
const withoutSecret = (body: NewWebhook): NewWebhook => ({ ...body, secret: null });

const defaultOverlapSeconds = 24 * 3600;
const tags = ["webhooks"];
const small = limitBody(16 * 1024);

const create = createRoute({
  method: "post",
  path: "/v1/webhooks",
  tags,
  summary: "Create a webhook: receive events over HTTP",
  description:
    "Messages are POSTs of `{type, timestamp, data}`, signed as standardwebhooks.com says (`webhook-id`, `webhook-timestamp`, `webhook-signature`). Any 2xx within ten seconds acknowledges a message; otherwise it is retried with increasing delays for more than five hours. A message can arrive twice: ignore ids that you have already seen. The URL must be https and a public address.",
  middleware: [small] as const,
  request: {
    headers: idempotencyHeader,
    body: jsonBody(
      z.strictObject({
        url,
        project_id: idText().optional(),
        events: events.default([]),
        enabled: z.boolean().default(true),
      }),
    ),
  },
  responses: {
    201: json(newWebhookSchema, "The new webhook with its secret."),
    ...failures(
      "invalid_json",
      "invalid_request",
      "body_too_large",
      "project_not_found",
      "webhook_url_not_allowed",
      "too_many_webhooks",
      ...idempotencyErrors,
    ),
  },
});

const list = createRoute({
  method: "get",
  path: "/v1/webhooks",
  tags,
  summary: "List webhooks, newest first",
  request: { query: pageQuery },
  responses: { 200: json(pageOf(webhookSchema), "One page."), ...failures("invalid_request") },
});

const get = createRoute({
  method: "get",
  path: "/v1/webhooks/{webhook_id}",
  tags,
  summary: "Get a webhook",
  request: { params: webhookParams },
  responses: { 200: json(webhookSchema, "The webhook."), ...failures("webhook_not_found") },
});

const changeBody = z
  .strictObject({ url: url.optional(), events: events.optional(), enabled: z.boolean().optional() })
  .refine((body) => Object.values(body).some((value) => value !== undefined), {
    path: ["enabled"],
    message: "something to change is needed",
  });

const patch = createRoute({
  method: "patch",
  path: "/v1/webhooks/{webhook_id}",
  tags,
  summary: "Change a webhook's URL or events, or disable and enable it",
  middleware: [small] as const,
  request: { params: webhookParams, body: jsonBody(changeBody) },
  responses: {
    200: json(webhookSchema, "The updated webhook."),
    ...failures(
      "invalid_json",
      "invalid_request",
      "body_too_large",
      "webhook_not_found",
      "webhook_url_not_allowed",
    ),
  },
});

const remove = createRoute({
  method: "delete",
  path: "/v1/webhooks/{webhook_id}",
  tags,
  summary: "Delete a webhook with its delivery log",
  request: { params: webhookParams },
  responses: { 200: json(deleted("webhook"), "Deleted."), ...failures("webhook_not_found") },
});

const rotate = createRoute({
  method: "post",
  path: "/v1/webhooks/{webhook_id}/rotate-secret",
  tags,
  summary: "Rotate a webhook's secret; the old one also signs for a grace period",
  middleware: [small] as const,
  request: {
    params: webhookParams,
    body: jsonBody(
      z.strictObject({
        overlap_seconds: z
          .int()
          .min(0)
          .max(7 * 24 * 3600)
          .default(defaultOverlapSeconds)
          .openapi({ description: "How long messages carry both signatures." }),
      }),
    ),
  },
  responses: {
    200: json(newWebhookSchema, "The webhook with its new secret, shown only this once."),
    ...failures("invalid_json", "invalid_request", "body_too_large", "webhook_not_found"),
  },
});

const test = createRoute({
  method: "post",
  path: "/v1/webhooks/{webhook_id}/test",
  tags,
  summary: "Send a message `webhook.test`",
  request: { params: webhookParams, headers: idempotencyHeader },
  responses: {
    202: json(deliverySchema, "The message, queued for delivery."),
    ...failures("webhook_not_found", ...idempotencyErrors),
  },
});

export function webhookRoutes({ db, config }: RouteContext) {
  const router = createRouter();
  const check = (text: string): string =>
    checkWebhookUrl(text, { allowPrivate: config.WEBHOOK_ALLOW_PRIVATE }).href;

  router.openapi(create, async (c) => {
    const body = c.req.valid("json");
    const { workspaceId } = c.get("caller");
    const run = async (): Promise<{ status: 201; body: NewWebhook }> => {
      const { enabled, project_id: projectId = null } = body;
      const asked = { url: check(body.url), events: [...new Set(body.events)], enabled, projectId };
      const row = await addWebhook(db, workspaceId, asked);
      return { status: 201, body: { ...toWebhook(row), secret: row.secret } };
    };
    const answer = await idempotent(c, db, body, run, withoutSecret);
    return c.json(answer.body, answer.status);
  });

  router.openapi(list, async (c) => {
    const page = await listWebhooks(db, c.get("caller").workspaceId, pageRequest(c.req.valid("query")));
    return c.json(pageBody(page, toWebhook), 200);
  });

  router.openapi(get, async (c) => {
    const scope = { workspaceId: c.get("caller").workspaceId, id: c.req.valid("param").webhook_id };
    return c.json(toWebhook(await getWebhook(db, scope)), 200);
  });

  router.openapi(patch, async (c) => {
    const scope = { workspaceId: c.get("caller").workspaceId, id: c.req.valid("param").webhook_id };
    const body = c.req.valid("json");
    const target = body.url === undefined ? undefined : check(body.url);
    return c.json(toWebhook(await changeWebhook(db, scope, { ...body, url: target })), 200);
  });

  router.openapi(remove, async (c) => {
    const id = c.req.valid("param").webhook_id;
    await deleteWebhook(db, { workspaceId: c.get("caller").workspaceId, id });
    return c.json({ id, object: "webhook" as const, deleted: true as const }, 200);
  });

  router.openapi(rotate, async (c) => {
    const scope = { workspaceId: c.get("caller").workspaceId, id: c.req.valid("param").webhook_id };
    const secret = generateSecret();
    const seconds = c.req.valid("json").overlap_seconds;
    const row = await rotateWebhookSecret(db, scope, { secret, seconds });
    return c.json({ ...toWebhook(row), secret }, 200);
  });

  router.openapi(test, async (c) => {
    const { workspaceId } = c.get("caller");
    const webhook = await getWebhook(db, { workspaceId, id: c.req.valid("param").webhook_id });
    const event = "webhook.test";
    const payload = { type: event, timestamp: iso(new Date()), data: { id: webhook.id, object: "webhook" } };
    const answer = await idempotent(c, db, {}, async () => {
      const about = { workspaceId, webhookId: webhook.id, event, payload };
      const row = await insertDelivery(db, { id: newId("msg"), ...about });
      return { status: 202 as const, body: toDelivery(row) };
    });
    return c.json(answer.body, answer.status);
  });

  return router;
}
