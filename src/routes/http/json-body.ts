import type { z } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import { maxValues, scanJson } from "../../lib/json-scan.ts";
import { type Shape, shapeOf } from "../../lib/json-shape.ts";
import type { Env } from "./router.ts";
import { tooLarge, toldLength } from "./upload.ts";

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
    const told = toldLength(c);
    const { memory, json } = c.get("reading");
    const limit = c.get("bodyLimit") as Env["Variables"]["bodyLimit"] | undefined;
    const read = async (bytes: Buffer): Promise<void> => {
      const value = json.read(bytes, shape, limit?.naming);
      // What the validator asks for next.
      c.req.json = async <T>() => (await value) as T;
      await value;
    };
    if (told <= freeBytes) {
      await read(Buffer.from(await c.req.arrayBuffer()));
      return next();
    }
    const by = c.get("caller")?.workspaceId ?? "nobody";
    const ask = { by, what: "A body of this size", hint: "Send less at a time.", signal: c.req.raw.signal };
    const most = Number.isNaN(told) ? (limit?.bytes ?? freeBytes) : told;
    const body = new LargeBody(c, { told, most, shape });
    // One whose length is not told may well be small.
    if (Number.isNaN(told) && (await body.read(freeBytes))) {
      await read(body.bytes());
      return next();
    }
    await memory.hold(bodyCost(most), ask, async (held) => {
      await body.read(Infinity);
      const bytes = body.bytes();
      held.shrinkTo(bodyCost(bytes.length));
      await read(bytes);
      await next();
    });
  };
}

/** What of a body is looked at before the rest has come. */
const firstPart = 64 * 1024;
/** Of a body that is refused, so much more is read. */
const mostDropped = 64 * 1024 * 1024;

/**
 * A body as it comes, each of its bytes written once where its length is told. What is wrong with its first part is enough
 * to refuse it; the rest is still read then, so that the client gets to read the answer, but not kept.
 */
class LargeBody {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  readonly #most: number;
  readonly #shape: Shape;
  readonly #kept: GrowingBuffer;
  #isSeen = false;
  #dropped = 0;
  #fault: unknown;

  constructor(c: Context<Env>, { told, most, shape }: { told: number; most: number; shape: Shape }) {
    this.#reader = c.req.raw.body?.getReader();
    this.#most = most;
    this.#shape = shape;
    this.#kept = new GrowingBuffer(Number.isNaN(told) ? firstPart : told);
  }

  /** Reads on until there are more than so many bytes; true where it has ended before. */
  async read(bytes: number): Promise<boolean> {
    while (this.#kept.length <= bytes) {
      const { done, value } = (await this.#reader?.read()) ?? { done: true };
      if (done || !value) return true;
      if (this.#fault === undefined) this.#take(value);
      else if ((this.#dropped += value.length) > mostDropped) return true;
    }
    return false;
  }

  /** All of it. Throws AppError body_too_large, and what scanJson throws. */
  bytes(): Buffer {
    if (this.#fault !== undefined) throw this.#fault as Error;
    return this.#kept.whole();
  }

  #take(chunk: Uint8Array): void {
    if (this.#kept.length + chunk.length > this.#most) {
      this.#fault = tooLarge("body_too_large", this.#most);
      return;
    }
    this.#kept.add(chunk);
    if (this.#isSeen || this.#kept.length < firstPart) return;
    this.#isSeen = true;
    try {
      scanJson(this.#kept.uptoLastComma(firstPart), this.#shape);
    } catch (error) {
      this.#fault = error;
    }
  }
}

/** Bytes as they come, with as much room as is told at first and twice as much whenever that is too little. */
class GrowingBuffer {
  #bytes: Buffer;
  length = 0;

  constructor(bytes: number) {
    // Of its own memory, which a thread can be given.
    this.#bytes = Buffer.allocUnsafeSlow(bytes);
  }

  add(chunk: Uint8Array): void {
    const length = this.length + chunk.length;
    if (length > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, this.length);
      this.#bytes = larger;
    }
    this.#bytes.set(chunk, this.length);
    this.length = length;
  }

  /** What stands before a comma among the first `bytes`: no number is cut in two there. */
  uptoLastComma(bytes: number): Buffer {
    return this.#bytes.subarray(0, Math.max(0, this.#bytes.subarray(0, bytes).lastIndexOf(",")));
  }

  whole(): Buffer {
    return this.length === this.#bytes.length ? this.#bytes : this.#bytes.subarray(0, this.length);
  }
}
