import type { MiddlewareHandler } from "hono";
import { cors } from "hono/cors";

/** How long a browser remembers what it may do. */
const maxAgeSeconds = 600;

/**
 * Lets pages of these origins call the API in browsers, and read what answers say in headers. They come with a key:
 * credentials of the browser's own, the console's cookie among them, are not allowed along. Whoever else asks is answered
 * as if there were none of this, OPTIONS included.
 */
export function allowOrigins(origins: readonly string[]): MiddlewareHandler {
  const allow = cors({
    origin: [...origins],
    maxAge: maxAgeSeconds,
    exposeHeaders: ["Content-Disposition", "ETag", "Link", "Location", "Retry-After", "X-Request-Id"],
  });
  return async (c, next) => {
    if (origins.includes(c.req.header("origin") ?? "")) return allow(c, next);
    await next();
    // A cache may keep the answer, and show it to a page that may read it.
    if (origins.length > 0) c.header("Vary", "Origin", { append: true });
  };
}
