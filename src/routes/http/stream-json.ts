import { createHash } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Context, TypedResponse } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { textLength, textOf } from "../../imaging/logits-source.ts";
import { maskTextLength } from "../../imaging/mask-text.ts";
import type { WireMask } from "../../imaging/types.ts";
import { jsonSlices } from "../../lib/json-slices.ts";
import type { Reservation } from "../../lib/memory-budget.ts";
import type { Env } from "./env.ts";

/** Characters, or about as many numbers' worth, that are written without others having their turn. */
const slice = 128 * 1024;
/** Answers whose masks are no longer than this are written at once. */
const inlineAnswer = 256 * 1024;
/** Masks below this are written at once in answers that are longer. */
const inlineMask = 4096;

/** JSON of one value that is made while it is sent, and how many bytes that will be. */
export interface LateJson {
  bytes(): number;
  chunks(): Iterable<Uint8Array>;
}

const placeOf = (index: number): string => `\u0000${index}\u0000`;
const places = /"\\u0000(\d+)\\u0000"/;

/** Values of one answer that are written while it is sent. */
export class LateValues {
  readonly #values: LateJson[] = [];
  #streams = false;

  /** Stands in for the value in what becomes JSON. */
  put(value: LateJson): string {
    return placeOf(this.#values.push(value) - 1);
  }

  get some(): boolean {
    return this.#values.length > 0;
  }

  /** Whether a body was given out that goes on when its request's handler has ended. */
  get streams(): boolean {
    return this.#streams;
  }

  /** Bytes of an answer with its values; others have their turn between two of them. */
  async bytesWith(json: string): Promise<number> {
    let bytes = Buffer.byteLength(json);
    for (const [i, value] of this.#values.entries()) {
      bytes += value.bytes() - JSON.stringify(placeOf(i)).length;
      await nextTurn();
    }
    return bytes;
  }

  /** SHA-1 of an answer with its values, base64; others have their turn meanwhile. */
  async digestOf(json: string): Promise<string> {
    const digest = createHash("sha1");
    for (const piece of this.#pieces(json.split(places))) {
      digest.update(piece);
      await nextTurn();
    }
    return digest.digest("base64");
  }

  /**
   * The JSON of an answer as a body. With values to come it is made a piece at a time, as whoever reads it wants more, and
   * other work has its turn between two; `ended` is called when all was read, or nobody reads any more.
   */
  bodyOf(json: string, ended: () => void): string | ReadableStream<Uint8Array> {
    if (this.#values.length === 0) return json;
    this.#streams = true;
    const pieces = this.#pieces(json.split(places));
    return new ReadableStream<Uint8Array>({
      async pull(controller) {
        await nextTurn();
        const piece = pieces.next();
        if (!piece.done) {
          controller.enqueue(piece.value);
          return;
        }
        controller.close();
        ended();
      },
      cancel: ended,
    });
  }

  /** @param parts Every other one is the number of a value. */
  *#pieces(parts: readonly string[]): Generator<Uint8Array, undefined> {
    for (const [i, part] of parts.entries()) {
      if (i % 2 === 0) yield Buffer.from(part);
      else yield* (this.#values[Number(part)] as LateJson).chunks();
    }
  }
}

/**
 * Sends an answer as c.json does, one with values to come a piece at a time and, to a GET, with its ETag. What `held` holds
 * is given back when the last piece is read; where nothing is to come (`late.streams`) it stays the caller's to give back.
 */
export async function sendLate<Body, Status extends ContentfulStatusCode>(
  c: Context<Env>,
  body: Body,
  status: Status,
  late: LateValues,
  held?: Pick<Reservation, "release">,
): Promise<TypedResponse<Body, Status, "json">> {
  return sendText(c, JSON.stringify(body), status, late, held);
}

/**
 * Sends what `write` makes, and gives back what `held` holds: when the last piece is read, or at once where all is sent or
 * something fails. `written` hears of the answer's bytes before any is sent.
 */
export async function answerLate<Body, Status extends ContentfulStatusCode>(
  c: Context<Env>,
  status: Status,
  held: Pick<Reservation, "release">,
  make: { write: (late: LateValues) => Body | Promise<Body>; written?: (bytes: number) => Promise<void> },
): Promise<TypedResponse<Body, Status, "json">> {
  const late = new LateValues();
  try {
    const text = JSON.stringify(await make.write(late));
    await make.written?.(await late.bytesWith(text));
    return await sendText(c, text, status, late, held);
  } finally {
    if (!late.streams) held.release();
  }
}

async function sendText<Body, Status extends ContentfulStatusCode>(
  c: Context<Env>,
  json: string,
  status: Status,
  late: LateValues,
  held: Pick<Reservation, "release"> | undefined,
): Promise<TypedResponse<Body, Status, "json">> {
  if (late.some && c.req.method === "GET") c.header("etag", `"${await late.digestOf(json)}"`);
  const sent = late.bodyOf(json, () => held?.release());
  const response = c.body(sent, status, { "content-type": "application/json" });
  return response as unknown as TypedResponse<Body, Status, "json">;
}

/** How long texts of one answer are written: at once, or late where the answer is long. In ASCII. */
export function textWriter(texts: Iterable<string>, late: LateValues): (text: string) => string {
  let length = 0;
  for (const text of texts) length += text.length;
  if (length <= inlineAnswer) return (text) => text;
  return (text) => (text.length <= inlineMask ? text : late.put(lateText(text)));
}

/**
 * How masks of one answer are written: logits always late, the others where the answer is long. A function of one mask,
 * which gives it back or with a stand-in that `late` knows.
 */
export function maskWriter(masks: Iterable<WireMask>, late: LateValues): (mask: WireMask) => WireMask {
  let length = 0;
  for (const mask of masks) if (mask.format !== "logits") length += maskTextLength(mask);
  const isLong = length > inlineAnswer;
  return (mask) => {
    if (mask.format === "logits") {
      if (!mask.source) return mask;
      const { format, shape, dtype, source } = mask;
      const text = {
        bytes: () => textLength(shape) + 2,
        chunks: () => quoted(textOf(source, shape)),
      };
      return { format, shape: [...shape], dtype, data: late.put(text) };
    }
    if (!isLong || maskTextLength(mask) <= inlineMask) return mask;
    if (mask.format === "rle") return { ...mask, counts: late.put(lateText(mask.counts)) };
    if (mask.format === "png") return { ...mask, data: late.put(lateText(mask.data)) };
    return { ...mask, polygons: late.put(lateRings(mask.polygons)) as unknown as number[][] };
  };
}

/** How lists of bytes of one answer are written: at once, or late where the answer is long. */
export function listWriter(
  lists: Iterable<readonly number[]>,
  late: LateValues,
): (list: readonly number[]) => number[] {
  let length = 0;
  for (const list of lists) length += 4 * list.length;
  if (length <= inlineAnswer) return (list) => [...list];
  return (list) =>
    4 * list.length <= inlineMask ? [...list] : (late.put(lateRing(list)) as unknown as number[]);
}

function* quoted(chunks: Iterable<Uint8Array>): Generator<Uint8Array> {
  const quote = Buffer.from('"');
  yield quote;
  yield* chunks;
  yield quote;
}

/** A text in ASCII. */
const lateText = (text: string): LateJson => ({
  bytes: () => {
    // COCO's run lengths use the backslash, which becomes two.
    let bytes = text.length + 2;
    for (let at = text.indexOf("\\"); at !== -1; at = text.indexOf("\\", at + 1)) bytes++;
    return bytes;
  },
  chunks: () => jsonSlices(text),
});

const lateRings = (rings: readonly (readonly number[])[]): LateJson => ({
  bytes: () => {
    let bytes = 0;
    for (const chunk of ringText(rings)) bytes += chunk.length;
    return bytes;
  },
  chunks: () => ringText(rings),
});

const lateRing = (ring: readonly number[]): LateJson => ({
  bytes: () => ring.reduce((bytes, value) => bytes + String(value).length + 1, ring.length > 0 ? 1 : 2),
  chunks: () => ringText([ring], { open: "", close: "" }),
});

function* ringText(
  rings: readonly (readonly number[])[],
  { open, close } = { open: "[", close: "]" },
): Generator<Uint8Array> {
  const numbers = slice / 8;
  let text = open;
  for (const [i, ring] of rings.entries()) {
    text += i === 0 ? "[" : ",[";
    for (let at = 0; at < ring.length; at += numbers) {
      text += `${at === 0 ? "" : ","}${ring.slice(at, at + numbers).join(",")}`;
      if (text.length < slice) continue;
      yield Buffer.from(text, "latin1");
      text = "";
    }
    text += "]";
  }
  yield Buffer.from(`${text}${close}`, "latin1");
}
