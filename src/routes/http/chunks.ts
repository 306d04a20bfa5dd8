import type { Readable } from "node:stream";
import type { Context } from "hono";
import type { Env } from "./env.ts";

/**
 * A body's bytes as they come. On Node from the connection itself: the web stream around it copies every chunk, and the
 * garbage of a large body holds the event loop. Whoever stops early leaves the rest to be read (main/shared/serve.ts).
 */
export async function* chunksOf(c: Context<Env>): AsyncGenerator<Uint8Array, void, undefined> {
  const { incoming } = (c.env ?? {}) as { incoming?: Readable };
  if (incoming) {
    const chunks = incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
    // Not yield*, which would pass on an error of whoever reads: the connection would end with it, without an answer.
    for await (const chunk of chunks) yield chunk;
    return;
  }
  const reader = c.req.raw.body?.getReader();
  if (!reader) return;
  try {
    // What the platform's own stream types say of each other differs from one set of libraries to the next.
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.releaseLock();
  }
}
