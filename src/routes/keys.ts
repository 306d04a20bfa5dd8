import { createRoute, z } from "@hono/zod-openapi";
import {
  type ApiKey,
  generateKey,
  getApiKey,
  insertApiKey,
  listApiKeys,
  revokeApiKey,
  rotateApiKey,
} from "../db/queries/api-keys.ts";
import { keyScopes } from "../db/schema/index.ts";
import { AppError } from "../lib/errors.ts";
import { failures } from "./http/errors.ts";
import { idempotencyErrors, idempotencyHeader, idempotent } from "./http/idempotency.ts";
import { pageBody, pageOf, pageQuery, pageRequest } from "./http/pages.ts";
import { createRouter } from "./http/router.ts";
import type { RouteContext } from "./http/env.ts";
import { deleted, iso, isoOrNull, json, jsonBody, keyParams, text, timeText } from "./http/scope.ts";
import { limitBody } from "./http/upload.ts";

const keySchema = z
  .object({
    id: z.string(),
    object: z.literal("key"),
    name: z.string(),
    hint: z
      .string()
      .openapi({ description: "The first characters of the key, to recognise it by.", example: "mw_3fQz" }),
    scopes: z.array(z.enum(keyScopes)),
    requests_per_second: z
      .int()
      .nullable()
      .openapi({ description: "The limit of this key; null means the server's default for every key." }),
    created_at: timeText,
    expires_at: timeText.nullable(),
    rotated_at: timeText.nullable(),
    previous_expires_at: timeText
      .nullable()
      .openapi({ description: "Until then the key from before the last rotation works too." }),
    last_used_at: timeText.nullable().openapi({ description: "Accurate to the minute." }),
  })
  .openapi("Key");

const newKeySchema = keySchema
  .extend({
    key: z.string().nullable().openapi({
      description:
        "The key itself, shown only this once: only its hash is stored, so a replay by Idempotency-Key has null here.",
    }),
  })
  .openapi("NewKey");

const toKey = (row: ApiKey): z.output<typeof keySchema> => ({
  id: row.id,
  object: "key",
  name: row.name,
  hint: row.hint,
  scopes: row.scopes,
  requests_per_second: row.requestsPerSecond,
  created_at: iso(row.createdAt),
  expires_at: isoOrNull(row.expiresAt),
  rotated_at: isoOrNull(row.rotatedAt),
  previous_expires_at: isoOrNull(row.previousExpiresAt),
  last_used_at: isoOrNull(row.lastUsedAt),
});

/** What is kept of an answer for its replay. */
const withoutKey = (body: z.output<typeof newKeySchema>) => ({ ...body, key: null });

const tags = ["keys"];
const small = limitBody(16 * 1024);
const day = 24 * 3600;

const create = createRoute({
  method: "post",
  path: "/v1/keys",
  tags,
  summary: "Create an API key for this workspace",
  middleware: [small] as const,
  request: {
    headers: idempotencyHeader,
    body: jsonBody(
      z.strictObject({
        name: text(200),
        scopes: z.array(z.enum(keyScopes)).min(1).max(keyScopes.length).openapi({
          description:
            "read: every GET; predict; annotate: images, annotations, imports and projects; train: fine-tunes, versions going live; admin: all of it, keys and deleting projects.",
        }),
        expires_at: timeText
          .optional()
          .openapi({ description: "Without it, the key is valid until revoked." }),
        requests_per_second: z.int().min(1).max(1_000_000).optional(),
      }),
    ),
  },
  responses: {
    201: json(newKeySchema, "The new key."),
    ...failures(
      "invalid_json",
      "invalid_request",
      "unsupported_media_type",
      "body_too_large",
      ...idempotencyErrors,
    ),
  },
});

const list = createRoute({
  method: "get",
  path: "/v1/keys",
  tags,
  summary: "List keys that have not been revoked, newest first",
  request: { query: pageQuery },
  responses: { 200: json(pageOf(keySchema), "One page."), ...failures("invalid_request") },
});

const get = createRoute({
  method: "get",
  path: "/v1/keys/{key_id}",
  tags,
  summary: "Get a key's metadata",
  request: { params: keyParams },
  responses: { 200: json(keySchema, "The key."), ...failures("invalid_request", "key_not_found") },
});

const rotate = createRoute({
  method: "post",
  path: "/v1/keys/{key_id}/rotate",
  tags,
  summary: "Rotate a key's secret; the current one keeps working for a grace period",
  description:
    "Id, scopes, expiry and limits stay the same. A second rotation ends the grace period of the first.",
  middleware: [small] as const,
  request: {
    params: keyParams,
    headers: idempotencyHeader,
    body: jsonBody(
      z.strictObject({
        grace_seconds: z
          .int()
          .min(0)
          .max(30 * day)
          .default(day)
          .openapi({ description: "0 ends it immediately." }),
      }),
    ),
  },
  responses: {
    200: json(newKeySchema, "The key with its new secret."),
    ...failures(
      "invalid_json",
      "invalid_request",
      "unsupported_media_type",
      "body_too_large",
      "key_not_found",
      ...idempotencyErrors,
    ),
  },
});

const remove = createRoute({
  method: "delete",
  path: "/v1/keys/{key_id}",
  tags,
  summary: "Revoke a key immediately",
  request: { params: keyParams },
  responses: {
    200: json(deleted("key"), "Revoked: it no longer works."),
    ...failures("invalid_request", "key_not_found", "last_admin_key"),
  },
});

export function keyRoutes({ db }: RouteContext) {
  const router = createRouter();

  router.openapi(create, async (c) => {
    const body = c.req.valid("json");
    const { workspaceId } = c.get("caller");
    const make = async () => {
      const key = generateKey();
      const row = await insertApiKey(db, key, {
        workspaceId,
        name: body.name,
        scopes: keyScopes.filter((scope) => body.scopes.includes(scope)),
        expiresAt: body.expires_at === undefined ? null : inFuture(body.expires_at),
        requestsPerSecond: body.requests_per_second ?? null,
      });
      return { status: 201 as const, body: { ...toKey(row), key } };
    };
    const answer = await idempotent(c, db, body, make, withoutKey);
    return c.json(answer.body, answer.status);
  });

  router.openapi(list, async (c) => {
    const page = await listApiKeys(db, c.get("caller").workspaceId, pageRequest(c.req.valid("query")));
    return c.json(pageBody(page, toKey), 200);
  });

  router.openapi(get, async (c) => {
    const { key_id } = c.req.valid("param");
    return c.json(toKey(await getApiKey(db, c.get("caller").workspaceId, key_id)), 200);
  });

  router.openapi(rotate, async (c) => {
    const { key_id } = c.req.valid("param");
    const { grace_seconds } = c.req.valid("json");
    const { workspaceId } = c.get("caller");
    const make = async () => {
      const key = generateKey();
      const row = await rotateApiKey(db, workspaceId, { id: key_id, key, graceSeconds: grace_seconds });
      return { status: 200 as const, body: { ...toKey(row), key } };
    };
    const answer = await idempotent(c, db, { grace_seconds }, make, withoutKey);
    return c.json(answer.body, answer.status);
  });

  router.openapi(remove, async (c) => {
    const { key_id } = c.req.valid("param");
    await revokeApiKey(db, c.get("caller").workspaceId, key_id);
    return c.json({ id: key_id, object: "key" as const, deleted: true as const }, 200);
  });

  return router;
}

/** Throws AppError invalid_request. */
function inFuture(time: string): Date {
  const at = new Date(time);
  if (at.getTime() > Date.now() && at.getUTCFullYear() < 10_000) return at;
  throw new AppError("invalid_request", `expires_at: ${time} lies not in the future.`, {
    param: "expires_at",
  });
}
