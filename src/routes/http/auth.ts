import type { MiddlewareHandler } from "hono";
import type { Database } from "../../db/client.ts";
import { findApiKey, touchApiKey } from "../../db/queries/api-keys.ts";
import { AppError } from "../../lib/errors.ts";
import type { Env } from "./router.ts";

/** `Authorization: Bearer mw_…` -> the caller; everything behind this runs for a known workspace. */
export function authenticate(db: Database): MiddlewareHandler<Env> {
  return async (c, next) => {
    const header = c.req.header("authorization");
    if (header === undefined) {
      c.header("WWW-Authenticate", "Bearer");
      throw new AppError("missing_api_key", "Send your key as `Authorization: Bearer mw_…`.");
    }
    const key = /^Bearer +(mw_[\w-]{1,200})$/i.exec(header)?.[1];
    const row = key === undefined ? undefined : await findApiKey(db, key);
    if (!row) {
      c.header("WWW-Authenticate", 'Bearer error="invalid_token"');
      throw new AppError("invalid_api_key", "This key is not known, or it was revoked.");
    }
    const minuteAgo = Date.now() - 60_000;
    if (row.lastUsedAt === null || row.lastUsedAt.getTime() < minuteAgo) await touchApiKey(db, row.id);
    c.set("caller", { workspaceId: row.workspaceId, keyId: row.id });
    await next();
  };
}
