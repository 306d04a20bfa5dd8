import type { Context, MiddlewareHandler } from "hono";
import { getCookie } from "hono/cookie";
import { type Admitted, admitKey, touchApiKey } from "../../db/queries/api-keys.ts";
import { type RateLimit, takeFromBucket } from "../../db/queries/rate-buckets.ts";
import { asProcess, inWorkspace } from "../../db/row-security.ts";
import { findSession } from "../../db/queries/sessions.ts";
import type { Executor } from "../../db/client.ts";
import { AppError } from "../../lib/errors.ts";
import { type Access, accessTo, routeOf, takesBasic } from "./access.ts";
import { rateLimitOf, requireRate } from "./limits.ts";
import type { KeyScope } from "../../db/schema/index.ts";
import type { Env } from "./env.ts";
import { projectIdOf } from "./scope.ts";

export const sessionCookie = "maskwright_session";
/** Any value will do: other sites can't send a header of their own without being asked for leave first. */
export const csrfHeader = "x-maskwright-csrf";

/**
 * `Authorization: Bearer mw_…`, or the cookie of a session -> the caller, who may call this route; where other tools call,
 * also the key as the password of basic authentication. What comes behind this runs for a known workspace, but on routes
 * that are open to everybody.
 * Throws AppError missing_api_key, invalid_api_key, csrf_rejected, rate_limited, scope_missing.
 */
export function authenticate(db: Executor, requestsPerSecond: number): MiddlewareHandler<Env> {
  const limit = rateLimitOf(requestsPerSecond);
  return async (c, next) => {
    const route = routeOf(c);
    // Where no route is, a key is asked for all the same: paths can't be probed without one.
    const access: Access = route === null ? "any" : accessTo(route);
    if (access !== "open") {
      // A request may be sent in the course of another one, whose workspace is not known to be its own.
      const { key, project, taken } = await asProcess(() => whoAsks(c, db, limit));
      const minuteAgo = Date.now() - 60_000;
      if (key.lastUsedAt === null || key.lastUsedAt.getTime() < minuteAgo)
        await asProcess(() => touchApiKey(db, key.id));
      requireRate(c, taken, limit);
      c.set("caller", { workspaceId: key.workspaceId, keyId: key.id, scopes: key.scopes });
      c.set("project", project);
      requireScope(key, access);
      return inWorkspace(key.workspaceId, next);
    }
    await next();
  };
}

/** The header before the cookie: a program that shows a key means that one. */
async function whoAsks(c: Context<Env>, db: Executor, limit: RateLimit): Promise<Admitted> {
  const projectId = projectIdOf(c.req.path);
  const header = c.req.header("authorization");
  if (header !== undefined) {
    const key =
      keyIn(/^Bearer +(.+)$/i.exec(header)?.[1]) ??
      (takesBasic(c.req.path) ? keyIn(passwordIn(header)) : undefined);
    const row = key === undefined ? undefined : await admitKey(db, key, { projectId, limit });
    if (row) return row;
    c.header("WWW-Authenticate", 'Bearer error="invalid_token"');
    throw new AppError(
      "invalid_api_key",
      key === undefined
        ? "No key could be read from this header: send it as `Authorization: Bearer mw_…`."
        : "This key is not known, has expired, or was revoked.",
    );
  }
  const cookie = getCookie(c, sessionCookie);
  if (cookie !== undefined) {
    const session = await findSession(db, cookie, projectId);
    if (!session) throw new AppError("invalid_api_key", "This session has ended; sign in again.");
    rejectForgery(c);
    return { ...session, taken: await takeFromBucket(db, session.key.id, limit) };
  }
  c.header("WWW-Authenticate", "Bearer");
  throw new AppError("missing_api_key", "Send your key as `Authorization: Bearer mw_…`.");
}

const keyIn = (text: string | undefined): string | undefined => /^mw_[\w-]{1,200}$/.exec(text ?? "")?.[0];

/** The password of basic authentication (RFC 7617), whoever its user. */
function passwordIn(header: string): string | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/=]{1,1000})$/i.exec(header)?.[1];
  return encoded && /^[^:]*:(.*)$/s.exec(Buffer.from(encoded, "base64").toString("utf8"))?.[1];
}

/**
 * A browser sends the cookie whoever's page asks it to (SameSite=Strict stops other sites, not other programs on the
 * same one), so what changes something must also be known to come from a page of ours.
 */
export function rejectForgery(c: Context<Env>): void {
  if (["GET", "HEAD", "OPTIONS"].includes(c.req.method)) return;
  if (c.req.header("sec-fetch-site") === "same-origin" || c.req.header(csrfHeader) !== undefined) return;
  throw new AppError(
    "csrf_rejected",
    `With a session's cookie, send the header ${csrfHeader} (any value) on what changes something.`,
  );
}

/** Throws AppError scope_missing. */
export function requireScope({ scopes }: { readonly scopes: readonly KeyScope[] }, access: Access): void {
  if (access === "any" || scopes.some((scope) => scope === access || scope === "admin")) return;
  throw new AppError(
    "scope_missing",
    `This needs a key with the scope ${access}; this one has ${scopes.join(", ")}.`,
  );
}
