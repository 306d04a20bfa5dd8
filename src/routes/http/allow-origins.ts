import { cors } from "hono/cors";

/** How long a browser remembers what it may do. */
const maxAgeSeconds = 600;

/**
 * Lets pages of these origins call the API in browsers, and read what answers say in headers. They come with a key:
 * credentials of the browser's own, the console's cookie among them, are not allowed along.
 */
export const allowOrigins = (origins: readonly string[]) =>
  cors({
    origin: [...origins],
    maxAge: maxAgeSeconds,
    exposeHeaders: ["Content-Disposition", "ETag", "Link", "Location", "Retry-After", "X-Request-Id"],
  });
