import { Readable } from "node:stream";
import type { Context } from "hono";
import type { ExportedFile } from "../../exports/types.ts";
import { holdsTag } from "./etag.ts";
import type { Env } from "./env.ts";

/** Sends an exported file under its hash, or 304 to whoever has it; a file that nobody reads is dropped. */
export function sendFile(c: Context<Env>, file: ExportedFile): Response {
  const etag = `"${file.sha256}"`;
  c.header("ETag", etag);
  // What is told of the same thing may change: ask each time, send only what is new.
  c.header("Cache-Control", "private, no-cache");
  // A file that nobody reads would stay in the temporary folder.
  const drop = (): void => void (file.content instanceof Readable && file.content.destroy());
  if (holdsTag(c.req.header("if-none-match"), etag)) {
    drop();
    return c.body(null, 304);
  }
  c.header("Content-Type", file.contentType);
  c.header("Content-Disposition", `attachment; filename="${file.fileName}"`);
  c.header("Content-Length", String(file.bytes));
  c.header("X-Content-Type-Options", "nosniff");
  if (c.req.method === "HEAD") {
    drop();
    return c.body(null);
  }
  return c.body(file.content instanceof Readable ? webStream(file.content) : Uint8Array.from(file.content));
}

export const webStream = (stream: Readable): ReadableStream => Readable.toWeb(stream) as ReadableStream;
