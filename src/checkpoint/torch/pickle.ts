import { RefusedFile } from "../refused.ts";
import { ByteReader } from "./byte-reader.ts";
import { callGlobal, globalNamed, isGlobal, storageOf } from "./globals.ts";

/** Dicts, lists, tuples, tensors; ViT-H's state dict has 6,000. A byte of a pickle can ask for one. */
const maxObjects = 200_000;
/** Pushed by MARK, taken off by what closes it. */
const mark = Symbol("mark");

/**
 * Reads a pickle as PyTorch writes one for a state dict (protocols 2 to 5), without running anything: the few globals
 * of globals.ts are known, and each is a few lines here; any other is refused by its name, and so is every opcode
 * that could make an object of another kind. Opcodes: CPython's Lib/pickle.py and pickletools.py.
 *
 * Dicts become Maps, lists and tuples arrays, tensors TensorRef of globals.ts.
 * Throws RefusedFile `foreign_global`, `truncated` or `unreadable`.
 */
export function readPickle(bytes: Uint8Array): unknown {
  return new Machine(bytes).run();
}

class Machine {
  readonly #in: ByteReader;
  readonly #stack: unknown[] = [];
  readonly #memo = new Map<number, unknown>();
  #objects = 0;

  constructor(bytes: Uint8Array) {
    this.#in = new ByteReader(bytes);
  }

  run(): unknown {
    for (;;) {
      const code = this.#in.u8();
      if (code === 0x2e) return this.#pop(); // STOP
      const step = opcodes[code];
      if (!step) {
        const shown = `0x${code.toString(16).padStart(2, "0")}`;
        throw new RefusedFile("unreadable", `the pickle has opcode ${shown}, which no state dict needs`);
      }
      step(this.#machine);
    }
  }

  /** What the opcodes may do. */
  readonly #machine: Steps = {
    in: (): ByteReader => this.#in,
    push: (value: unknown): void => {
      if (typeof value === "object" && value !== null && ++this.#objects > maxObjects)
        throw new RefusedFile(
          "zip_bomb",
          `the pickle makes more than ${maxObjects} dicts, lists and tensors`,
        );
      this.#stack.push(value);
    },
    pop: (): unknown => this.#pop(),
    peek: (): unknown => this.#stack.at(-1),
    popToMark: (): unknown[] => {
      const at = this.#stack.lastIndexOf(mark);
      if (at < 0) throw damaged("closes a list that it never opened");
      const items = this.#stack.splice(at);
      return items.slice(1);
    },
    put: (index: number): void => void this.#memo.set(index, this.#stack.at(-1)),
    get: (index: number): void => {
      if (!this.#memo.has(index)) throw damaged(`refers to entry ${index}, which it never stored`);
      this.#stack.push(this.#memo.get(index));
    },
    memoize: (): void => void this.#memo.set(this.#memo.size, this.#stack.at(-1)),
  };

  #pop(): unknown {
    if (this.#stack.length === 0) throw damaged("takes a value where there is none");
    const value = this.#stack.pop();
    if (value === mark) throw damaged("takes a value where a list begins");
    return value;
  }
}

interface Steps {
  in(): ByteReader;
  push(value: unknown): void;
  pop(): unknown;
  peek(): unknown;
  popToMark(): unknown[];
  put(index: number): void;
  get(index: number): void;
  memoize(): void;
}

const damaged = (what: string): RefusedFile => new RefusedFile("unreadable", `the pickle ${what}`);

const tuple = (m: Steps, count: number): void => {
  const items = Array.from({ length: count }, () => m.pop()).toReversed();
  m.push(items);
};

function setItems(m: Steps, items: readonly unknown[]): void {
  const target = m.peek();
  if (!(target instanceof Map)) throw damaged("sets an entry of what is no dict");
  if (items.length % 2 !== 0) throw damaged("sets a key without a value");
  for (let i = 0; i < items.length; i += 2) target.set(items[i], items[i + 1]);
}

function append(m: Steps, items: readonly unknown[]): void {
  const target = m.peek();
  if (!Array.isArray(target)) throw damaged("appends to what is no list");
  for (const item of items) target.push(item);
}

function text(value: unknown): string {
  if (typeof value !== "string") throw damaged("names a global by what is no text");
  return value;
}

function reduce(m: Steps): void {
  const args = m.pop();
  const callable = m.pop();
  if (!isGlobal(callable) || !Array.isArray(args)) throw damaged("calls what is no function");
  m.push(callGlobal(callable, args));
}

/** An OrderedDict's state is PyTorch's `_metadata`, which says nothing that is wanted here. */
function build(m: Steps): void {
  const state = m.pop();
  if (!(m.peek() instanceof Map) || !(state instanceof Map)) throw damaged("gives state to what takes none");
}

const opcodes: Readonly<Record<number, (m: Steps) => void>> = {
  0x80: (m) => {
    const version = m.in().u8();
    if (version > 5) throw damaged(`is of protocol ${version}; up to 5 are read`);
  },
  0x95: (m) => void m.in().u64(), // FRAME
  0x28: (m) => m.push(mark),
  0x30: (m) => void m.pop(), // POP
  0x4e: (m) => m.push(null),
  0x88: (m) => m.push(true),
  0x89: (m) => m.push(false),
  // Whole numbers and text
  0x4a: (m) => m.push(m.in().i32()),
  0x4b: (m) => m.push(m.in().u8()),
  0x4d: (m) => m.push(m.in().u16()),
  0x8a: (m) => m.push(m.in().long(m.in().u8())),
  0x47: (m) => m.push(m.in().f64()),
  0x58: (m) => m.push(m.in().text(m.in().u32())),
  0x8c: (m) => m.push(m.in().text(m.in().u8())),
  0x8d: (m) => m.push(m.in().text(m.in().u64())),
  // Containers
  0x7d: (m) => m.push(new Map()),
  0x5d: (m) => m.push([]),
  0x29: (m) => m.push([]),
  0x85: (m) => tuple(m, 1),
  0x86: (m) => tuple(m, 2),
  0x87: (m) => tuple(m, 3),
  0x74: (m) => m.push(m.popToMark()),
  0x6c: (m) => m.push(m.popToMark()),
  0x61: (m) => append(m, [m.pop()]),
  0x65: (m) => append(m, m.popToMark()),
  0x73: (m) => {
    const value = m.pop();
    setItems(m, [m.pop(), value]);
  },
  0x75: (m) => setItems(m, m.popToMark()),
  // The memo
  0x71: (m) => m.put(m.in().u8()),
  0x72: (m) => m.put(m.in().u32()),
  0x94: (m) => m.memoize(),
  0x68: (m) => m.get(m.in().u8()),
  0x6a: (m) => m.get(m.in().u32()),
  // Globals, calls and storages
  0x63: (m) => m.push(globalNamed(m.in().line(), m.in().line())),
  0x93: (m) => {
    const name = text(m.pop());
    m.push(globalNamed(text(m.pop()), name));
  },
  0x52: reduce,
  0x62: build,
  0x51: (m) => m.push(storageOf(m.pop())),
};
