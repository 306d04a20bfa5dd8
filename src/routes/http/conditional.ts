import { hash } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import { etag } from "hono/etag";
import type { Env } from "./env.ts";

/**
 * An ETag on every JSON answer to a GET, and 304 where the caller has it; files bring their own tag. Streams have none,
 * nor has JSON that nobody may store: they would be read to their end first.
 */
export function conditional(): MiddlewareHandler<Env> {
  // Hono's own digest goes through the thread pool, which takes longer than the digest of an answer.
  const tag = etag({ generateDigest: (body) => Uint8Array.from(hash("sha1", body, "buffer")).buffer });
  return async (c, next) => {
    await next();
    if (c.req.method !== "GET" && c.req.method !== "HEAD") return;
    const type = c.res.headers.get("content-type") ?? "";
    if (!type.startsWith("application/json") && !c.res.headers.has("etag")) return;
    if (c.res.headers.get("cache-control") === "no-store") return;
    // For one caller, and never taken for fresh without asking.
    if (!c.res.headers.has("cache-control")) c.res.headers.set("cache-control", "private, no-cache");
    await tag(c, async () => {});
  };
}
