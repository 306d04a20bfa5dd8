import { setImmediate as nextTurn } from "node:timers/promises";

/** Text that is made while it is sent: ASCII that JSON need not escape, and how much of it there will be. */
export interface LateText {
  readonly length: number;
  chunks(): Iterable<Uint8Array>;
}

const placeOf = (index: number): string => `\u0000${index}\u0000`;
const places = /"\\u0000(\d+)\\u0000"/;

/** Texts of one answer that are written while it is sent. */
export class LateTexts {
  readonly #texts: LateText[] = [];
  #streams = false;

  /** Stands in for the text in a value that becomes JSON. */
  put(text: LateText): string {
    return placeOf(this.#texts.push(text) - 1);
  }

  /** Whether a body was given out that goes on when its request's handler has ended. */
  get streams(): boolean {
    return this.#streams;
  }

  /** Bytes of an answer with its texts. */
  bytesWith(json: string): number {
    const placeholders = this.#texts.reduce((sum, _, i) => sum + JSON.stringify(placeOf(i)).length, 0);
    const texts = this.#texts.reduce((sum, { length }) => sum + length + 2, 0);
    return Buffer.byteLength(json) - placeholders + texts;
  }

  /**
   * The JSON of an answer as a body. With texts to come it is made a piece at a time, as whoever reads it wants more, and
   * other work has its turn between two; `ended` is called when all was read, or nobody reads any more.
   */
  bodyOf(json: string, ended: () => void): string | ReadableStream<Uint8Array> {
    if (this.#texts.length === 0) return json;
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

  /** @param parts Every other one is the number of a text. */
  *#pieces(parts: readonly string[]): Generator<Uint8Array, undefined> {
    for (const [i, part] of parts.entries()) {
      if (i % 2 === 0) {
        yield Buffer.from(part);
        continue;
      }
      yield Buffer.from('"');
      yield* (this.#texts[Number(part)] as LateText).chunks();
      yield Buffer.from('"');
    }
  }
}
