import { ByteReader } from "./byte-reader.ts";
import { PickleError } from "./pickle-error.ts";

/** What a kind of file may hold in a pickle beside plain values, and how much. */
export interface PickleDialect {
  /** What the file holds, as in "which no state dict needs". */
  readonly holds: string;
  /** Dicts, lists, tuples and what is called; a byte of a pickle can ask for one. */
  readonly mostObjects: number;
  /** Opcodes, each of which may leave a value. */
  readonly mostSteps: number;
  /** Opcodes that only such files have, or read in their own way. */
  readonly more: Opcodes;
  /** What stands for a name; it is looked up nowhere. Throws where the name is not to be had. */
  named(module: string, name: string): unknown;
  /** What comes of calling what `named` gave, or something else. */
  call(callable: unknown, args: unknown): unknown;
  /** Entries came for a target that is no dict or list, as `what` says: throws, or passes them over. */
  misfit(what: string, target: unknown): void;
  /** Gives state to what was made. */
  build(made: unknown, state: unknown): void;
}

/** What opcodes may do. */
export interface Steps {
  readonly in: ByteReader;
  readonly dialect: PickleDialect;
  push(value: unknown): void;
  pop(): unknown;
  peek(): unknown;
  popToMark(): unknown[];
  put(index: number): void;
  get(index: number): void;
  memoize(): void;
}

/** By their numbers. */
export type Opcodes = Readonly<Record<number, (m: Steps) => void>>;

/** Pushed by MARK, taken off by what closes it. */
export const mark = Symbol("mark");

export const damaged = (what: string): PickleError => new PickleError("unreadable", what);

/** Reads one value off `bytes` by `opcodes`. Throws PickleError, and what the dialect throws. */
export class Machine implements Steps {
  readonly in: ByteReader;
  readonly dialect: PickleDialect;
  readonly #stack: unknown[] = [];
  readonly #memo = new Map<number, unknown>();
  #objects = 0;

  constructor(bytes: Uint8Array, dialect: PickleDialect) {
    this.in = new ByteReader(bytes);
    this.dialect = dialect;
  }

  run(opcodes: Opcodes): unknown {
    const { mostSteps, holds, more } = this.dialect;
    for (let steps = 0; steps <= mostSteps; steps++) {
      const code = this.in.u8();
      if (code === 0x2e) return this.pop(); // STOP
      const step = more[code] ?? opcodes[code];
      if (!step) throw damaged(`has opcode 0x${code.toString(16).padStart(2, "0")}, which no ${holds} needs`);
      step(this);
    }
    throw new PickleError("too_large", `has more than ${mostSteps} steps`);
  }

  push(value: unknown): void {
    const { mostObjects } = this.dialect;
    if (typeof value === "object" && value !== null && ++this.#objects > mostObjects)
      throw new PickleError("too_large", `makes more than ${mostObjects} dicts, lists and other objects`);
    this.#stack.push(value);
  }

  pop(): unknown {
    if (this.#stack.length === 0) throw damaged("takes a value where there is none");
    const value = this.#stack.pop();
    if (value === mark) throw damaged("takes a value where a list begins");
    return value;
  }

  peek(): unknown {
    return this.#stack.at(-1);
  }

  popToMark(): unknown[] {
    const at = this.#stack.lastIndexOf(mark);
    if (at < 0) throw damaged("closes a list that it never opened");
    return this.#stack.splice(at).slice(1);
  }

  put(index: number): void {
    this.#memo.set(index, this.#stack.at(-1));
  }

  get(index: number): void {
    if (!this.#memo.has(index)) throw damaged(`refers to entry ${index}, which it never stored`);
    this.#stack.push(this.#memo.get(index));
  }

  memoize(): void {
    this.#memo.set(this.#memo.size, this.#stack.at(-1));
  }
}
