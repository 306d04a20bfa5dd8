import { isUtf8 } from "node:buffer";

/** The most of one element that is kept together. */
const maxElementBytes = 64 * 1024 * 1024;
/** Brackets and commas of one element: an empty list takes three bytes of the file and fifty of memory. */
const maxElementTokens = 16_000_000;

/** What is wanted of a JSON file. What its functions throw ends the reading. */
export interface JsonVisitor {
  /** A key of the outermost object, before its value. Returns whether the elements of the list there are wanted. */
  readonly member: (key: string, isList: boolean) => boolean;
  /** The bytes of one element of a wanted list, at its key; the outermost list is always wanted, and its key is null. */
  readonly element: (key: string | null, json: Buffer, index: number) => void;
}

/** The bytes are no JSON, or an element is larger than is read; the message says which. */
export class JsonFault extends Error {}

/** One element's value. Throws JsonFault. */
export function parseElement(json: Buffer): unknown {
  try {
    return JSON.parse(json.toString("utf8"));
  } catch (error) {
    throw new JsonFault("is not JSON in UTF-8", { cause: error });
  }
}

type State =
  /** A value is due, or the end of a list that has none yet. */
  | "value"
  | "first value"
  | "key"
  | "first key"
  | "colon"
  /** A comma, or the end. */
  | "next"
  | "end";

const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a];
const [openArray, closeArray, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d];

const opens = (byte: number): boolean => byte === openObject || byte === openArray;
/** A byte that stands where no value begins. */
const endsOrParts = (byte: number): boolean =>
  byte === closeObject || byte === closeArray || byte === comma || byte === colon;
const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/**
 * Follows the bytes of a JSON file as deep as its wanted lists lie and cuts their elements out. What is inside an element
 * is for JSON.parse to judge; what is passed over must close as many brackets as it opens.
 */
export class JsonOutline {
  readonly #visitor: JsonVisitor;
  top: "object" | "array" | "other" = "other";
  #state: State = "value";
  /** The list whose elements come: its key, null for the outermost; undefined outside of such. */
  #list: string | null | undefined;
  #key = "";
  #index = 0;
  /** Brackets open inside of a value that is cut out or passed over. */
  #depth = 0;
  #keeps = false;
  #tokens = 0;
  /** What a piece of the file may end in: a text, before its closing quote, or a number or word. */
  #within: "text" | "word" | null = null;
  #escaped = false;
  #parts: Buffer[] = [];
  #partBytes = 0;
  #chunk: Buffer = Buffer.alloc(0);
  /** Where in the chunk the element, text or word goes on. */
  #from = 0;

  constructor(visitor: JsonVisitor) {
    this.#visitor = visitor;
  }

  /** The next bytes of the file, which may be cut anywhere. Throws JsonFault, and what the visitor throws. */
  write(chunk: Buffer): void {
    this.#chunk = chunk;
    this.#from = 0;
    for (let at = 0; at < chunk.length;)
      at = this.#depth > 0 ? this.#inside(at) : this.#within ? this.#through(at) : this.#outside(at);
    if (this.#depth > 0 ? this.#keeps : this.#within !== null) this.#keep(chunk.length);
  }

  /** No more bytes come. Throws JsonFault. */
  end(): void {
    this.#chunk = Buffer.alloc(0);
    this.#from = 0;
    // A number at the top ends with the file.
    if (this.#depth === 0 && this.#within === "word") this.#endWord(0);
    if (this.#state !== "end") throw new JsonFault("is not JSON in UTF-8: it ends too early");
  }

  /** Inside of an element or of what is passed over; returns the place behind what it read. */
  #inside(start: number): number {
    const chunk = this.#chunk;
    let [at, depth, tokens] = [start, this.#depth, this.#tokens];
    while (at < chunk.length && depth > 0) {
      if (this.#within) {
        at = this.#endOfText(at);
        continue;
      }
      const byte = chunk[at++] as number;
      if (byte === comma) tokens++;
      else if (byte === quote) this.#within = "text";
      // Brackets of both kinds differ in this bit alone.
      else if ((byte | 0x20) === openObject) {
        tokens++;
        depth++;
      } else if ((byte | 0x20) === closeObject) depth--;
    }
    this.#depth = depth;
    this.#tokens = tokens;
    if (tokens > maxElementTokens && this.#keeps)
      throw new JsonFault(`${this.#place()} has more than ${maxElementTokens} values and brackets`);
    if (depth > 0) return at;
    this.#state = "next";
    if (this.#keeps) this.#element(this.#taken(at));
    return at;
  }

  /** The place behind the quote that ends a text, or the chunk's end. */
  #endOfText(start: number): number {
    const chunk = this.#chunk;
    let at = start;
    if (this.#escaped) {
      this.#escaped = false;
      at++;
    }
    for (; at < chunk.length; at++) {
      const byte = chunk[at];
      if (byte === quote) {
        this.#within = null;
        return at + 1;
      }
      if (byte === backslash && ++at === chunk.length) this.#escaped = true;
    }
    return chunk.length;
  }

  /** Goes on in a text or word between brackets. */
  #through(start: number): number {
    if (this.#within === "text") {
      const at = this.#endOfText(start);
      if (this.#within === null) this.#text(this.#taken(at));
      return at;
    }
    let at = start;
    for (; at < this.#chunk.length; at++) {
      const byte = this.#chunk[at] as number;
      if (isSpace(byte) || endsOrParts(byte) || opens(byte) || byte === quote) {
        this.#endWord(at);
        return at;
      }
    }
    return at;
  }

  #outside(at: number): number {
    const byte = this.#chunk[at] as number;
    if (isSpace(byte)) return at + 1;
    this.#from = at;
    if (byte === quote) this.#within = "text";
    else if (endsOrParts(byte) || opens(byte)) this.#mark(byte);
    else {
      this.#within = "word";
      return at;
    }
    return at + 1;
  }

  #endWord(at: number): void {
    this.#within = null;
    const json = this.#taken(at);
    parseElement(json);
    this.#value(json);
  }

  #text(json: Buffer): void {
    const value = parseElement(json);
    if (this.#state !== "key" && this.#state !== "first key") return this.#value(json);
    this.#key = String(value);
    this.#state = "colon";
  }

  /** A value without brackets. */
  #value(json: Buffer): void {
    const due = this.#state;
    if (due !== "value" && due !== "first value") throw malformed();
    if (this.#list !== undefined) {
      this.#state = "next";
      this.#element(json);
    } else if (this.top === "other") this.#state = "end";
    else {
      this.#visitor.member(this.#key, false);
      this.#state = "next";
    }
  }

  /** A bracket, comma or colon outside of elements. */
  #mark(byte: number): void {
    const due = this.#state;
    const inList = this.#list !== undefined;
    if (opens(byte) && (due === "value" || due === "first value")) this.#open(byte);
    else if (byte === colon && due === "colon") this.#state = "value";
    else if (byte === comma && due === "next") this.#state = inList ? "value" : "key";
    else if (byte === closeArray && inList && (due === "first value" || due === "next")) {
      this.#state = this.#list === null ? "end" : "next";
      this.#list = undefined;
    } else if (byte === closeObject && !inList && (due === "first key" || due === "next"))
      this.#state = "end";
    else throw malformed();
  }

  #open(byte: number): void {
    if (this.#list !== undefined) return this.#enter(true);
    const isList = byte === openArray;
    if (this.top === "other") {
      this.top = isList ? "array" : "object";
      this.#state = isList ? "first value" : "first key";
      if (isList) [this.#list, this.#index] = [null, 0];
    } else if (this.#visitor.member(this.#key, isList) && isList)
      [this.#list, this.#state, this.#index] = [this.#key, "first value", 0];
    else this.#enter(false);
  }

  /** A value with brackets begins. */
  #enter(keeps: boolean): void {
    [this.#depth, this.#keeps, this.#tokens] = [1, keeps, 0];
  }

  #element(json: Buffer): void {
    this.#visitor.element(this.#list ?? null, json, this.#index++);
  }

  /** Keeps the chunk's bytes up to `to`. */
  #keep(to: number): void {
    this.#parts.push(this.#chunk.subarray(this.#from, to));
    this.#partBytes += to - this.#from;
    if (this.#partBytes > maxElementBytes)
      throw new JsonFault(`${this.#place()} has more than ${maxElementBytes} bytes`);
  }

  /** All that was kept, up to `to` in this chunk. */
  #taken(to: number): Buffer {
    this.#keep(to);
    const json = this.#parts.length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#partBytes = 0;
    if (!isUtf8(json)) throw new JsonFault("is not JSON in UTF-8");
    return json;
  }

  #place(): string {
    return `${this.#list ?? "element"}[${this.#index}]`;
  }
}

const malformed = (): JsonFault => new JsonFault("is not JSON in UTF-8");
