import type { Context } from "hono";
import type { Env } from "./env.ts";
import { holdsTag } from "./etag.ts";

/** Sends a WebP picture that never changes, or 304 to whoever has it, which `read` is not asked for. */
export async function sendPicture(
  c: Context<Env>,
  etag: string,
  read: () => Uint8Array | Promise<Uint8Array>,
): Promise<Response> {
  c.header("ETag", etag);
  c.header("Cache-Control", "private, max-age=31536000, immutable");
  if (holdsTag(c.req.header("if-none-match"), etag)) return c.body(null, 304);
  const bytes = await read();
  c.header("Content-Type", "image/webp");
  c.header("X-Content-Type-Options", "nosniff");
  return c.body(Uint8Array.from(bytes));
}
