import { AppError } from "./errors.ts";
import { isBytes, type Shape } from "./json-shape.ts";
import { pathText } from "./text.ts";

/** Values of one body at most, whatever its schema: what JSON.parse and a schema do with more holds a thread too long. */
export const maxValues = 100_000;
/** What a number counts for in a list of bytes, and in what is passed over: a schema does no work for it, or hardly any. */
const lightNumber = 1 / 16;
/** So many things may be wrong; a schema describes each. One more, and the body is refused here. */
export const maxFaults = 20;
const maxDepth = 32;
const maxKeyBytes = 1000;
/** Between values. Indented lists have about a dozen for each. */
const maxWhitespace = 2 * 1024 * 1024;
/** A letter takes at most six characters, as \u0041, where each is escaped. */
const bytesOfCharacter = 6;

const [quote, backslash, comma, colon, minus] = [0x22, 0x5c, 0x2c, 0x3a, 0x2d];
const [openArray, closeArray, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d];

interface Level {
  readonly inArray: boolean;
  /** Shape of what it holds, where that is known. */
  readonly shape: Shape | null;
  /** Whether numbers in it count for little. */
  readonly light: boolean;
  count: number;
  /** Where the key of an object's last value stands, without its quotes. */
  keyFrom: number;
  keyTo: number;
}

/**
 * Holds the bytes of JSON against the bounds of its schema before anything is made of them: depth, lengths of arrays and
 * texts, the number of values, and how many of them are of a kind that the schema does not take. Up to 20 of these are
 * left to the schema, which says it better. It is no parser: what is not JSON is let through, for a parser to tell.
 * Throws AppError invalid_request with the place (param), or body_too_large.
 */
export function scanJson(bytes: Buffer, shape: Shape, onText?: OnText): void {
  new Scan(bytes, shape, onText).run();
}

/** Hears of each text that is a value: the places of its first byte, and behind its last, without the quotes. */
export type OnText = (from: number, to: number) => void;

class Scan {
  readonly #bytes: Buffer;
  readonly #levels: Level[] = [];
  readonly #root: Shape;
  readonly #onText: OnText | undefined;
  #at = 0;
  #values = 0;
  #faults = 0;
  #whitespace = 0;
  #nextBackslash = -2;
  #firstFault: AppError | undefined;

  constructor(bytes: Buffer, root: Shape, onText: OnText | undefined) {
    this.#bytes = bytes;
    this.#root = root;
    this.#onText = onText;
  }

  run(): void {
    const { length } = this.#bytes;
    let awaitsKey = false;
    while (this.#at < length) {
      const byte = this.#bytes[this.#at] as number;
      const level = this.#levels.at(-1);
      if (isSpace(byte)) {
        this.#spaces();
      } else if (byte === comma) {
        awaitsKey = level !== undefined && !level.inArray;
        this.#at++;
      } else if (byte === colon) {
        awaitsKey = false;
        this.#at++;
      } else if (byte === closeArray || byte === closeObject) {
        if (!level) return;
        this.#close(level);
        awaitsKey = false;
        this.#at++;
      } else if (awaitsKey) {
        if (byte !== quote || !this.#key(level as Level)) return;
      } else {
        const own = this.#value();
        if (byte === openArray || byte === openObject) {
          this.#open(byte === openArray, own);
          awaitsKey = byte === openObject;
          continue;
        }
        const bounds = own?.free ? null : own;
        if (byte === quote) {
          if (!this.#text(bounds)) return;
        } else if (isDigit(byte) || byte === minus) {
          this.#number(bounds);
        } else if (!this.#word(bounds)) return;
      }
    }
  }

  #spaces(): void {
    const from = this.#at;
    while (isSpace(this.#bytes[this.#at])) this.#at++;
    this.#whitespace += this.#at - from;
    if (this.#whitespace > maxWhitespace) throw tooLarge(`more than ${maxWhitespace} spaces`);
  }

  /** Counts a value that begins here. Returns what may stand here; null where nothing is known of that. */
  #value(): Shape | null {
    const level = this.#levels.at(-1);
    this.#values += level?.light && isDigit(this.#bytes[this.#at] as number) ? lightNumber : 1;
    if (this.#values > maxValues) throw tooLarge(`more than ${maxValues} values`);
    if (!level) return this.#root;
    level.count++;
    const { shape } = level;
    if (!shape || shape.free) return shape;
    if (level.inArray) {
      const { items, most } = shape.array as NonNullable<Shape["array"]>;
      if (level.count > most) throw this.#invalid(`more than ${most} items`, this.#levels.length - 1);
      return items;
    }
    const { fields, rest } = shape.object as NonNullable<Shape["object"]>;
    const known = fields.get(this.#keyOf(level)) ?? rest;
    if (!known) this.#fault("this key is not known");
    return known;
  }

  #open(inArray: boolean, own: Shape | null): void {
    if (this.#levels.length === maxDepth) throw this.#invalid(`deeper than ${maxDepth} levels`);
    const fits = inArray ? own?.array : own?.object;
    const shape = own?.free || fits ? own : null;
    if (own && !shape) this.#mismatch(own, inArray ? "an array" : "an object");
    const light = inArray && shape !== null && (shape.free === true || isBytes(shape));
    this.#levels.push({ inArray, shape, light, count: 0, keyFrom: 0, keyTo: 0 });
    this.#at++;
  }

  #close({ inArray, shape, count }: Level): void {
    this.#levels.pop();
    if (!inArray || !shape?.array || count >= shape.array.least) return;
    this.#fault(`${count} items; ${shape.array.least} are the least`);
  }

  /** False where the text does not end. */
  #key(level: Level): boolean {
    const from = this.#at + 1;
    const to = this.#endOfText(from);
    if (to === -1) return false;
    if (to - from > maxKeyBytes) throw this.#invalid(`a key of ${to - from} bytes`, this.#levels.length - 1);
    level.keyFrom = from;
    level.keyTo = to;
    this.#at = to + 1;
    return true;
  }

  /** False where it does not end. */
  #text(own: Shape | null): boolean {
    const from = this.#at + 1;
    const to = this.#endOfText(from);
    if (to === -1) return false;
    if (own && own.text === null) this.#mismatch(own, "a text");
    else if (own && to - from > bytesOfCharacter * (own.text as number))
      throw this.#invalid(`longer than ${own.text} characters`);
    this.#onText?.(from, to);
    this.#at = to + 1;
    return true;
  }

  /** The place of the closing quote, or -1. Texts without escapes, however long, are left to memchr. */
  #endOfText(from: number): number {
    const bytes = this.#bytes;
    const near = Math.min(from + 32, bytes.length);
    let at = from;
    for (; at < near; at++) {
      if (bytes[at] === quote) return at;
      if (bytes[at] === backslash) break;
    }
    let end = bytes.indexOf(quote, at);
    while (end !== -1) {
      if (this.#nextBackslash < at && this.#nextBackslash !== -1)
        this.#nextBackslash = bytes.indexOf(backslash, at);
      if (this.#nextBackslash === -1 || this.#nextBackslash > end) return end;
      // Where there is one there are mostly more.
      at = this.#nextBackslash;
      const stop = Math.min(at + 256, bytes.length);
      while (at < stop) {
        const byte = bytes[at];
        if (byte === quote) return at;
        at += byte === backslash ? 2 : 1;
      }
      if (at > end) end = bytes.indexOf(quote, at);
    }
    return -1;
  }

  #number(own: Shape | null): void {
    const from = this.#at;
    let exponent = false;
    for (; this.#at < this.#bytes.length; this.#at++) {
      const byte = this.#bytes[this.#at] as number;
      if (byte === 0x65 || byte === 0x45) exponent = true;
      else if (!((byte >= 0x30 && byte <= 0x39) || byte === 0x2e || byte === minus || byte === 0x2b)) break;
    }
    const length = this.#at - from;
    if (length > maxKeyBytes) throw this.#invalid(`a number of ${length} digits`);
    if (!own) return;
    if (!own.number) {
      this.#mismatch(own, "a number");
      return;
    }
    const { min, max, whole } = own.number;
    if (!whole && !exponent && length < 300 && min === -Infinity && max === Infinity) return;
    const value = Number(this.#bytes.toString("latin1", from, this.#at));
    if (!(Math.abs(value) < Infinity && value >= min && value <= max && (!whole || Number.isInteger(value))))
      this.#fault(`${value} is not what is taken here`);
  }

  /** true, false and null; false where it is no word at all. */
  #word(own: Shape | null): boolean {
    const from = this.#at;
    for (; this.#at < this.#bytes.length; this.#at++) {
      const byte = this.#bytes[this.#at] as number;
      if (byte < 0x61 || byte > 0x7a) break;
    }
    if (this.#at === from || this.#at - from > 5) return false;
    if (own && !own.other) this.#mismatch(own, this.#bytes.toString("latin1", from, this.#at));
    return true;
  }

  #mismatch(wanted: Shape, found: string): void {
    this.#fault(`expected ${kindsOf(wanted)}, found ${found}`);
  }

  #fault(why: string): void {
    this.#firstFault ??= this.#invalid(why);
    if (++this.#faults > maxFaults) {
      const { message, param } = this.#firstFault;
      const more = `${message.replace(/\.$/, "")}; and so on, in ${this.#faults} places or more.`;
      throw new AppError("invalid_request", more, param === undefined ? {} : { param });
    }
  }

  /** @param depth How many levels down the place is that is spoken of. */
  #invalid(why: string, depth = this.#levels.length): AppError {
    const path = this.#levels.slice(0, depth).map((level) => {
      if (level.inArray) return level.count - 1;
      return this.#keyOf(level);
    });
    const param = pathText(path);
    const where = param === "" ? "The body" : param;
    return new AppError("invalid_request", `${where}: ${why}.`, param === "" ? {} : { param });
  }

  #keyOf({ keyFrom, keyTo }: Level): string {
    const key = this.#bytes.toString("utf8", keyFrom, keyTo);
    if (!key.includes("\\")) return key;
    try {
      return String(JSON.parse(`"${key}"`));
    } catch {
      return key;
    }
  }
}

function kindsOf({ text, number, other, array, object }: Shape): string {
  const kinds = [
    text !== null && "a text",
    number && "a number",
    array && "an array",
    object && "an object",
    other && "true, false or null",
  ];
  return kinds.filter(Boolean).join(" or ") || "nothing";
}

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;

const isSpace = (byte: number | undefined): boolean =>
  byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

const tooLarge = (what: string): AppError =>
  new AppError("body_too_large", `The body has ${what}. Large masks go as run lengths or PNG.`);
