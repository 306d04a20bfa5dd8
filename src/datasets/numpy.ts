/** NumPy's files, as far as they hold masks. A pickle is read as a list of what it would do: nothing of it is run. */
import { AppError } from "../lib/errors.ts";

/** An array as it lies in a file. */
export interface NumpyArray {
  /** NumPy's own: `<u2`, `|b1` ... */
  readonly type: string;
  readonly shape: readonly number[];
  /** Whether columns lie together, and not rows. */
  readonly fortran: boolean;
  readonly bytes: Uint8Array;
}

/** Dicts, lists, tuples and calls; a file of Cellpose has some hundred. */
const mostObjects = 100_000;
const magic = Buffer.from("\x93NUMPY", "latin1");
const mark = Symbol("mark");

const unreadable = (why: string): AppError => new AppError("mask_png_invalid", `NumPy's file ${why}`);

/** What a pickle names and calls; neither is looked up or run. */
interface Named {
  readonly name: string;
}
interface Called {
  readonly called: string;
  readonly args: unknown;
  state: unknown;
}

/**
 * The arrays of a `.npy` file that is a pickled dict, by their names. Source: numpy, lib/format.py (header, versions 1 to
 * 3); CPython, Lib/pickle.py (opcodes of protocols 2 to 5). Throws AppError mask_png_invalid.
 */
export function numpyDict(bytes: Buffer): ReadonlyMap<unknown, unknown> {
  if (!bytes.subarray(0, 6).equals(magic)) throw unreadable("does not begin as one");
  const wide = (bytes[6] as number) > 1;
  if (bytes.length < 12) throw unreadable("ends within its head");
  const from = wide ? 12 : 10;
  const to = from + (wide ? bytes.readUInt32LE(8) : bytes.readUInt16LE(8));
  if (!/'descr'\s*:\s*'\|O'/.test(bytes.toString("latin1", from, to)))
    throw unreadable("holds numbers alone, and no dict");
  const content = stateOf(new Pickle(bytes.subarray(to)).read(), 5)[4];
  const [dict] = Array.isArray(content) ? (content as unknown[]) : [];
  if (!(dict instanceof Map)) throw unreadable("holds no dict");
  return dict;
}

/** An array of a dict. Throws AppError mask_png_invalid where it is none. */
export function arrayIn(value: unknown): NumpyArray {
  const [, shape, type, fortran, bytes] = stateOf(value, 5);
  const isShape = Array.isArray(shape) && shape.every((side) => Number.isInteger(side) && Number(side) >= 0);
  if (!isShape || !(bytes instanceof Uint8Array)) throw unreadable("has something else than an array there");
  const [code] = isCalled(type) && Array.isArray(type.args) ? (type.args as unknown[]) : [];
  const [, order] = stateOf(type, 2);
  return {
    type: `${String(order)}${String(code)}`,
    shape: shape as number[],
    fortran: fortran === true,
    bytes,
  };
}

const isCalled = (value: unknown): value is Called =>
  typeof value === "object" && value !== null && "called" in value;

/** What an object was set to after it had been made. */
function stateOf(value: unknown, least: number): unknown[] {
  const state = isCalled(value) ? value.state : null;
  if (!Array.isArray(state) || state.length < least)
    throw unreadable("has something else than an array there");
  return state as unknown[];
}

class Pickle {
  readonly #bytes: Buffer;
  readonly #stack: unknown[] = [];
  readonly #memo = new Map<number, unknown>();
  #at = 0;
  #objects = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  read(): unknown {
    for (;;) {
      const code = this.#number(1);
      if (code === 0x2e) return this.#pop();
      if (++this.#objects > 10 * mostObjects) throw unreadable("has too many parts");
      this.#step(code);
    }
  }

  /** One opcode, by its character. */
  #step(code: number): void {
    const push = (value: unknown): void => void this.#stack.push(value);
    switch (String.fromCharCode(code)) {
      case "\x80":
        return void this.#number(1);
      case "\x95":
        return void this.#take(8);
      case "N":
        return push(null);
      case "\x88":
        return push(true);
      case "\x89":
        return push(false);
      case "K":
        return push(this.#number(1));
      case "M":
        return push(this.#number(2));
      case "J":
        return push(this.#take(4).readInt32LE());
      case "\x8a":
        return push(whole(this.#take(this.#number(1))));
      case "G":
        return push(this.#take(8).readDoubleBE());
      case "X":
        return push(this.#take(this.#number(4)).toString("utf8"));
      case "\x8c":
        return push(this.#take(this.#number(1)).toString("utf8"));
      case "\x8d":
        return push(this.#take(this.#long()).toString("utf8"));
      case "U":
        return push(this.#take(this.#number(1)).toString("latin1"));
      case "T":
        return push(this.#take(this.#number(4)).toString("latin1"));
      case "C":
        return push(this.#take(this.#number(1)));
      case "B":
        return push(this.#take(this.#number(4)));
      case "\x8e":
      case "\x96":
        return push(this.#take(this.#long()));
      case "(":
        return push(mark);
      case ")":
      case "]":
        return push([]);
      case "}":
        return push(new Map());
      case "t":
        return push(this.#toMark());
      case "\x85":
      case "\x86":
      case "\x87":
        return push(this.#stack.splice(-(code - 0x84)));
      case "a":
        return this.#append([this.#pop()]);
      case "e":
        return this.#append(this.#toMark());
      case "s":
        return this.#set(this.#stack.splice(-2));
      case "u":
        return this.#set(this.#toMark());
      case "c":
        return push({ name: `${this.#line()}.${this.#line()}` } satisfies Named);
      case "\x93":
        return push({ name: this.#stack.splice(-2).map(String).join(".") } satisfies Named);
      case "R":
      case "\x81": {
        const [named, args] = this.#stack.splice(-2);
        return push({ called: (named as Named | undefined)?.name ?? "", args, state: null } satisfies Called);
      }
      case "b": {
        const state = this.#pop();
        const top = this.#stack.at(-1);
        if (isCalled(top)) top.state = state;
        return;
      }
      case "q":
        return void this.#memo.set(this.#number(1), this.#stack.at(-1));
      case "r":
        return void this.#memo.set(this.#number(4), this.#stack.at(-1));
      case "\x94":
        return void this.#memo.set(this.#memo.size, this.#stack.at(-1));
      case "h":
        return push(this.#memo.get(this.#number(1)));
      case "j":
        return push(this.#memo.get(this.#number(4)));
      default:
        throw unreadable(`has the opcode 0x${code.toString(16)}, which no array needs`);
    }
  }

  #take(count: number): Buffer {
    const end = this.#at + count;
    if (end > this.#bytes.length) throw unreadable("ends too early");
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }

  #number(bytes: 1 | 2 | 4): number {
    return this.#take(bytes).readUIntLE(0, bytes);
  }

  #long(): number {
    const value = Number(this.#take(8).readBigUInt64LE());
    if (value > this.#bytes.length) throw unreadable("ends too early");
    return value;
  }

  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end === -1) throw unreadable("ends too early");
    const text = this.#bytes.toString("utf8", this.#at, end);
    this.#at = end + 1;
    return text;
  }

  #pop(): unknown {
    if (this.#stack.length === 0) throw unreadable("takes a value where there is none");
    return this.#stack.pop();
  }

  #toMark(): unknown[] {
    const at = this.#stack.lastIndexOf(mark);
    if (at < 0) throw unreadable("closes a list that it never opened");
    return this.#stack.splice(at).slice(1);
  }

  #append(values: readonly unknown[]): void {
    const list = this.#stack.at(-1);
    if (Array.isArray(list)) for (const value of values) list.push(value);
  }

  #set(pairs: readonly unknown[]): void {
    const dict = this.#stack.at(-1);
    if (!(dict instanceof Map)) return;
    for (let i = 0; i + 1 < pairs.length; i += 2) dict.set(pairs[i], pairs[i + 1]);
  }
}

/** A whole number of some bytes, lowest first, with its sign. */
const whole = (bytes: Buffer): number =>
  bytes.length > 6 || bytes.length === 0 ? 0 : bytes.readIntLE(0, bytes.length);
