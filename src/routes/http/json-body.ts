import type { z } from "@hono/zod-openapi";
import type { Context, MiddlewareHandler } from "hono";
import { maxValues, scanJson } from "../../lib/json-scan.ts";
import { type Shape, shapeOf } from "../../lib/json-shape.ts";
import { chunksOf } from "./chunks.ts";
import type { Env } from "./env.ts";
import { tooLarge, toldLength } from "./upload.ts";

/** As Hono's validator tells JSON. */
const isJson = /^application\/([\w.-]+\+)?json *(;|$)/i;

/** Bodies that are no larger are read without asking: a thousand of them are no more than one image. */
const freeBytes = 64 * 1024;

/** Measured (test/routes/memory.test.ts): the bytes as they come, together and as a body, their text, what is cut from it, handed over and decoded; and what a value takes in a tree. */
const copies = 8;
/** Once it is read: its long texts, what they are decoded to, and what is not collected yet. */
const copiesLeft = 5;
const bytesOfValue = 200;

/** What a body of so many bytes may take in memory while it is read, and from then until its request has ended. */
export const bodyCost = (bytes: number, of = copies): number =>
  of * bytes + bytesOfValue * Math.min(bytes / 2, maxValues);

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
      let value: unknown = await json.read(bytes, shape, limit?.naming);
      // What the validator asks for next, and nobody after it: a text that is decoded may go.
      c.req.json = <T>() => {
        const once = value as T;
        value = undefined;
        return Promise.resolve(once);
      };
    };
    if (told <= freeBytes) {
      await read(Buffer.from(await c.req.arrayBuffer()));
      return next();
    }
    const most = Number.isNaN(told) ? (limit?.bytes ?? freeBytes) : told;
    const body = new LargeBody(c, most);
    // Enough to refuse it, and all of one whose length is not told and that is small; neither asks for memory.
    const ended = await body.readFirst(shape);
    if (ended) {
      await read(body.bytes());
      return next();
    }
    const by = c.get("caller")?.workspaceId ?? "nobody";
    const what = { what: "A body of this size", hint: "Send less at a time." };
    const ask = { by, ...what, begins: true, signal: c.req.raw.signal };
    await memory.hold(bodyCost(most), ask, async (held) => {
      await body.readRest(told);
      const bytes = body.bytes();
      // Reading gives them away.
      const { length } = bytes;
      held.shrinkTo(bodyCost(length));
      await read(bytes);
      held.shrinkTo(bodyCost(length, copiesLeft));
      await next();
    });
  };
}

/** Bytes that are read on of a body that is refused: its client gets to read the answer. */
const mostDropped = 64 * 1024 * 1024;

/** A body as it comes, each of its bytes written once where its length is told. */
class LargeBody {
  readonly #chunks: AsyncGenerator<Uint8Array, void, undefined>;
  readonly #most: number;
  readonly #c: Context<Env>;
  #bytes = Buffer.allocUnsafeSlow(2 * freeBytes);
  #length = 0;

  constructor(c: Context<Env>, most: number) {
    this.#c = c;
    this.#chunks = chunksOf(c);
    this.#most = most;
  }

  /**
   * Reads a first part and looks whether it is wrong; true where that is all of it. One that is wrong is read to its end
   * and not kept. Throws AppError body_too_large, and what scanJson throws.
   */
  async readFirst(shape: Shape): Promise<boolean> {
    while (this.#length <= freeBytes) if (!(await this.#add())) return true;
    // No number is cut in two there.
    const whole = this.#bytes.subarray(0, this.#length).lastIndexOf(",");
    try {
      scanJson(this.#bytes.subarray(0, Math.max(0, whole)), shape);
    } catch (error) {
      await this.#drop();
      throw error;
    }
    return false;
  }

  /** Throws AppError body_too_large. */
  async readRest(told: number): Promise<void> {
    if (!Number.isNaN(told)) this.#grow(told);
    while (await this.#add());
  }

  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** The next bytes; false where there are none. */
  async #add(): Promise<boolean> {
    const { done, value } = await this.#chunks.next();
    if (done) return false;
    const length = this.#length + value.length;
    if (length > this.#most) {
      await this.#drop();
      throw tooLarge(this.#c, "body_too_large", this.#most);
    }
    if (length > this.#bytes.length) this.#grow(Math.max(length, 2 * this.#bytes.length));
    this.#bytes.set(value, this.#length);
    this.#length = length;
    return true;
  }

  async #drop(): Promise<void> {
    this.#bytes = Buffer.alloc(0);
    for (let dropped = 0; dropped < mostDropped;) {
      const { done, value } = await this.#chunks.next();
      if (done) return;
      dropped += value.length;
    }
  }

  /** Into memory of its own, which a thread can be given. */
  #grow(bytes: number): void {
    const larger = Buffer.allocUnsafeSlow(bytes);
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
