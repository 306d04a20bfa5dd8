import { PickleError } from "./pickle-error.ts";

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Goes through a pickle's bytes; reading past the end throws PickleError `truncated`. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** How many bytes were read. */
  get at(): number {
    return this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }
  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }
  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }
  i32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }
  u64(): number {
    return this.#safe(this.#view.getBigUint64(this.#take(8), true));
  }
  /** Big endian, unlike all others. */
  f64(): number {
    return this.#view.getFloat64(this.#take(8), false);
  }

  /** A whole number in so many bytes, two's complement. */
  long(length: number): number {
    const at = this.#take(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.#bytes[at + i] as number);
    return this.#safe(BigInt.asIntN(8 * length, value));
  }

  /** The bytes themselves, not a copy. */
  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  text(length: number): string {
    const at = this.#take(length);
    return this.#decode(at, at + length);
  }

  /** Up to a line feed, which is passed over. */
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) throw cut();
    const text = this.#decode(this.#at, end);
    this.#at = end + 1;
    return text;
  }

  #decode(from: number, to: number): string {
    try {
      return decoder.decode(this.#bytes.subarray(from, to));
    } catch (cause) {
      throw new PickleError("unreadable", "has text that is not UTF-8", { cause });
    }
  }

  #safe(value: bigint): number {
    const number = Number(value);
    if (!Number.isSafeInteger(number)) throw new PickleError("unreadable", `has the number ${value}`);
    return number;
  }

  #take(length: number): number {
    const at = this.#at;
    if (at + length > this.#bytes.length) throw cut();
    this.#at = at + length;
    return at;
  }
}

const cut = (): PickleError => new PickleError("truncated", "ends in the middle of a value");
