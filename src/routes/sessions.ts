import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { type ApiKey, findApiKey, getApiKey } from "../db/queries/api-keys.ts";
import { takeFromBucket } from "../db/queries/rate-buckets.ts";
import {
  deleteSession,
  findSession,
  generateSession,
  insertSession,
  mostSessions,
} from "../db/queries/sessions.ts";
import { keyScopes } from "../db/schema/index.ts";
import { AppError } from "../lib/errors.ts";
import { rejectForgery, sessionCookie } from "./http/auth.ts";
import { failures } from "./http/errors.ts";
import { rateLimitOf, requireRate } from "./http/limits.ts";
import { createRouter } from "./http/router.ts";
import type { Env, RouteContext } from "./http/env.ts";
import { isoOrNull, json, jsonBody, timeText } from "./http/scope.ts";
import { limitBody } from "./http/upload.ts";

const sessionSeconds = 7 * 24 * 3600;

const sessionSchema = z
  .object({
    object: z.literal("session"),
    workspace_id: z.string(),
    key: z.object({ id: z.string(), name: z.string(), scopes: z.array(z.enum(keyScopes)) }),
    expires_at: timeText
      .nullable()
      .openapi({ description: "When the cookie expires; null for a request with an API key." }),
  })
  .openapi("Session");

interface Signed {
  readonly id: string;
  readonly name: string;
  readonly workspaceId: string;
  readonly scopes: z.output<typeof sessionSchema>["key"]["scopes"];
}

const toSession = (key: Signed, expiresAt: Date | null): z.output<typeof sessionSchema> => ({
  object: "session",
  workspace_id: key.workspaceId,
  key: { id: key.id, name: key.name, scopes: key.scopes },
  expires_at: isoOrNull(expiresAt),
});

const tags = ["keys"];

const create = createRoute({
  method: "post",
  path: "/v1/session",
  tags,
  summary: "Sign in a browser: exchange a key for an HttpOnly cookie",
  description: `The cookie is valid for seven days, or until the key expires; a key has at most ${mostSessions} at a time, and the oldest goes. With it, requests that change something require the header \`x-maskwright-csrf\` (any value), or a browser that says \`Sec-Fetch-Site: same-origin\`.`,
  middleware: [limitBody(4096)] as const,
  request: { body: jsonBody(z.strictObject({ key: z.string().max(250) })) },
  responses: {
    201: json(sessionSchema, "Signed in."),
    ...failures(
      "invalid_json",
      "invalid_request",
      "unsupported_media_type",
      "body_too_large",
      "invalid_api_key",
      "rate_limited",
    ),
  },
});

const get = createRoute({
  method: "get",
  path: "/v1/session",
  tags,
  summary: "Get the caller and what the key may do",
  responses: { 200: json(sessionSchema, "The caller."), ...failures() },
});

const remove = createRoute({
  method: "delete",
  path: "/v1/session",
  tags,
  summary: "Sign out a browser; repeating it is not an error",
  responses: {
    200: json(z.object({ object: z.literal("session"), deleted: z.literal(true) }), "Signed out."),
    ...failures("csrf_rejected"),
  },
});

export function sessionRoutes({ db, config }: RouteContext) {
  const router = createRouter();

  router.openapi(create, async (c) => {
    const key = c.req.valid("json").key.trim();
    const row = await knownKey(db, key);
    // Opening one is a request of the key, too.
    const limit = rateLimitOf(config.RATE_LIMIT_PER_SECOND);
    requireRate(c, await takeFromBucket(db, row.id, limit), limit);
    const session = generateSession();
    const { expiresAt } = await insertSession(db, session, { keyId: row.id, key, seconds: sessionSeconds });
    setCookie(c, sessionCookie, session, { ...cookieOptions(c), maxAge: sessionSeconds });
    return c.json(toSession(row, expiresAt), 201);
  });

  router.openapi(get, async (c) => {
    const { workspaceId, keyId } = c.get("caller");
    const cookie = c.req.header("authorization") === undefined ? getCookie(c, sessionCookie) : undefined;
    const session = cookie === undefined ? undefined : await findSession(db, cookie);
    return c.json(toSession(await getApiKey(db, workspaceId, keyId), session?.expiresAt ?? null), 200);
  });

  router.openapi(remove, async (c) => {
    const session = getCookie(c, sessionCookie);
    if (session !== undefined) {
      rejectForgery(c);
      await deleteSession(db, session);
      deleteCookie(c, sessionCookie, cookieOptions(c));
    }
    return c.json({ object: "session" as const, deleted: true as const }, 200);
  });

  return router;
}

/** Throws AppError invalid_api_key. */
async function knownKey(db: RouteContext["db"], key: string): Promise<ApiKey> {
  const row = await findApiKey(db, key);
  if (row) return row;
  throw new AppError("invalid_api_key", "This key is not known, has expired, or was revoked.", {
    param: "key",
  });
}

/** Only over TLS, where the visitor came over TLS: a proxy may have ended it before us. */
function cookieOptions(c: Context<Env>) {
  const secure = c.req.url.startsWith("https:") || c.req.header("x-forwarded-proto") === "https";
  return { path: "/", httpOnly: true, sameSite: "Strict" as const, secure };
}
