import type { z } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";
import { maxValues } from "../../lib/json-scan.ts";
import { shapeOf } from "../../lib/json-shape.ts";
import type { Env } from "./router.ts";

/** As Hono's validator tells JSON. */
const isJson = /^application\/([\w.-]+\+)?json *(;|$)/i;

/** Bodies that are no larger are read without asking: a thousand of them are no more than one image. */
const freeBytes = 64 * 1024;

/** Measured (test/routes/memory.test.ts): the bytes as they come, together and as a body, their text, what is cut from it, handed over and decoded; and what a value takes in a tree. */
const copies = 8;
const bytesOfValue = 200;

/** What a body of so many bytes may take in memory until its request has ended. */
export const bodyCost = (bytes: number): number =>
  copies * bytes + bytesOfValue * Math.min(bytes / 2, maxValues);

/**
 * Reads a JSON body within the bounds of its schema, before anything is made of it, and within the memory that there is.
 * Throws what JsonReader throws, and AppError memory_exceeded, overloaded.
 */
export function boundedJson(schema: z.ZodType, path: string): MiddlewareHandler<Env> {
  const shape = shapeOf(schema, path);
  return async (c, next) => {
    if (!isJson.test(c.req.header("content-type") ?? "")) return next();
    const told = Number(c.req.header("content-length") ?? Number.NaN);
    const { memory, json } = c.get("reading");
    const read = async (): Promise<void> => {
      const value = json.read(Buffer.from(await c.req.arrayBuffer()), shape);
      // What the validator asks for next.
      c.req.json = async <T>() => (await value) as T;
      await value;
    };
    if (told <= freeBytes) {
      await read();
      return next();
    }
    const by = c.get("caller")?.workspaceId ?? "nobody";
    const bytes = Number.isNaN(told) ? freeBytes : told;
    const ask = { by, what: "A body of this size", hint: "Send less at a time.", signal: c.req.raw.signal };
    await memory.hold(bodyCost(bytes), ask, async () => {
      await read();
      await next();
    });
  };
}
