import { TokenType } from "@streamparser/json";

/** The most of one element that is kept together. */
const maxElementBytes = 64 * 1024 * 1024;
/** Brackets, commas and values of one element: an empty list takes three bytes of the file and fifty of memory. */
const maxElementTokens = 16_000_000;

/** What is wanted of a JSON file. What its functions throw ends the reading. */
export interface JsonVisitor {
  /** A key of the outermost object, before its value. Returns whether the elements of the list there are wanted. */
  readonly member: (key: string, isList: boolean) => boolean;
  /** The JSON of one element of a wanted list, at its key; the outermost list is always wanted, and its key is null. */
  readonly element: (key: string | null, json: Buffer, index: number) => void;
}

/** The bytes are no JSON, or an element is larger than is read; the message says which. */
export class JsonFault extends Error {}

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

const opens = (token: TokenType): boolean =>
  token === TokenType.LEFT_BRACE || token === TokenType.LEFT_BRACKET;
const closes = (token: TokenType): boolean =>
  token === TokenType.RIGHT_BRACE || token === TokenType.RIGHT_BRACKET;

/**
 * Follows the tokens of a JSON file as deep as its wanted lists lie and cuts their elements out of the bytes. What is inside
 * an element is for JSON.parse to judge; what is passed over must close as many brackets as it opens.
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
  #parts: Buffer[] = [];
  #partBytes = 0;
  #chunk: Buffer = Buffer.alloc(0);
  /** Bytes of the file before the chunk, and where in the chunk the element goes on. */
  #base = 0;
  #from = 0;

  constructor(visitor: JsonVisitor) {
    this.#visitor = visitor;
  }

  get complete(): boolean {
    return this.#state === "end";
  }

  /** The chunk whose tokens come next. */
  begin(chunk: Buffer): void {
    this.#chunk = chunk;
    this.#from = 0;
  }

  /** All tokens of the chunk have come. */
  end(): void {
    if (this.#depth > 0 && this.#keeps) this.#keep(this.#chunk.length);
    this.#base += this.#chunk.length;
  }

  token(token: TokenType, value: unknown, offset: number): void {
    if (this.#depth > 0) this.#inside(token, offset);
    else if (this.#list === undefined) this.#outermost(token, value, offset);
    else this.#inList(token, value, offset);
  }

  #inside(token: TokenType, offset: number): void {
    if (++this.#tokens > maxElementTokens && this.#keeps)
      throw new JsonFault(`${this.#place()} has more than ${maxElementTokens} values and brackets`);
    if (opens(token)) this.#depth++;
    if (!closes(token) || --this.#depth > 0) return;
    this.#state = "next";
    if (!this.#keeps) return;
    this.#keep(offset + 1 - this.#base);
    const json = this.#parts.length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#partBytes = 0;
    this.#element(json);
  }

  /** Between the members of the outermost object, or before everything. */
  #outermost(token: TokenType, value: unknown, offset: number): void {
    if (this.#state === "value" && this.top === "other") return this.#begin(token);
    const due = this.#state;
    if (token === TokenType.RIGHT_BRACE && (due === "first key" || due === "next")) this.#state = "end";
    else if (token === TokenType.COMMA && due === "next") this.#state = "key";
    else if (token === TokenType.COLON && due === "colon") this.#state = "value";
    else if (token === TokenType.STRING && (due === "first key" || due === "key")) {
      this.#key = String(value);
      this.#state = "colon";
    } else if (due === "value") this.#member(token, offset);
    else throw malformed();
  }

  #begin(token: TokenType): void {
    if (token === TokenType.LEFT_BRACE) [this.top, this.#state] = ["object", "first key"];
    else if (token === TokenType.LEFT_BRACKET)
      [this.top, this.#state, this.#list, this.#index] = ["array", "first value", null, 0];
    else if (closes(token) || token === TokenType.COMMA || token === TokenType.COLON) throw malformed();
    else this.#state = "end";
  }

  #member(token: TokenType, offset: number): void {
    if (closes(token) || token === TokenType.COMMA || token === TokenType.COLON) throw malformed();
    const isList = token === TokenType.LEFT_BRACKET;
    if (this.#visitor.member(this.#key, isList) && isList)
      [this.#list, this.#state, this.#index] = [this.#key, "first value", 0];
    else this.#skipOrKeep(token, offset, false);
  }

  #inList(token: TokenType, value: unknown, offset: number): void {
    const due = this.#state;
    if (token === TokenType.RIGHT_BRACKET && (due === "first value" || due === "next")) {
      this.#state = this.#list === null ? "end" : "next";
      this.#list = undefined;
    } else if (token === TokenType.COMMA && due === "next") this.#state = "value";
    else if (due !== "value" && due !== "first value") throw malformed();
    else if (closes(token) || token === TokenType.COMMA || token === TokenType.COLON) throw malformed();
    else {
      this.#skipOrKeep(token, offset, true);
      if (this.#depth === 0) this.#element(Buffer.from(JSON.stringify(value)));
    }
  }

  /** A value begins; one without brackets has ended too. */
  #skipOrKeep(token: TokenType, offset: number, keeps: boolean): void {
    this.#state = "next";
    if (!opens(token)) return;
    [this.#depth, this.#keeps, this.#tokens, this.#from] = [1, keeps, 0, offset - this.#base];
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

  #place(): string {
    return `${this.#list ?? "element"}[${this.#index}]`;
  }
}

const malformed = (): JsonFault => new JsonFault("is not JSON");
