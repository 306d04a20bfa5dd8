import { damaged, Machine, mark, type Opcodes, type PickleDialect, type Steps } from "./machine.ts";

/**
 * Reads a pickle (protocols 2 to 5) as the value that it describes, without running anything: what it names, calls and
 * gives state to is left to the dialect, and opcodes that neither knows are refused. Dicts become Maps, lists and tuples
 * arrays, bytes Uint8Arrays over the same memory. Opcodes: CPython's Lib/pickle.py and pickletools.py.
 * `end` is where the pickle ends in `bytes`. Throws PickleError `truncated`, `unreadable` or `too_large`, and what the dialect throws.
 */
export function readPickle(bytes: Uint8Array, dialect: PickleDialect): { value: unknown; end: number } {
  const machine = new Machine(bytes, dialect);
  const value = machine.run(opcodes);
  return { value, end: machine.in.at };
}

const tuple = (m: Steps, count: number): void => {
  const items = Array.from({ length: count }, () => m.pop()).toReversed();
  m.push(items);
};

function setItems(m: Steps, items: readonly unknown[]): void {
  const target = m.peek();
  if (!(target instanceof Map)) return m.dialect.misfit("sets an entry of what is no dict", target);
  if (items.length % 2 !== 0) throw damaged("sets a key without a value");
  for (let i = 0; i < items.length; i += 2) target.set(items[i], items[i + 1]);
}

/** APPENDS, and ADDITEMS, which differs from it for Python alone. */
export function append(m: Steps, items: readonly unknown[]): void {
  const target = m.peek();
  if (!Array.isArray(target)) return m.dialect.misfit("appends to what is no list", target);
  for (const item of items) target.push(item);
}

function text(value: unknown): string {
  if (typeof value !== "string") throw damaged("names a global by what is no text");
  return value;
}

/** REDUCE, and NEWOBJ, which differs from it for Python alone. */
export function call(m: Steps): void {
  const args = m.pop();
  m.push(m.dialect.call(m.pop(), args));
}

const opcodes: Opcodes = {
  0x80: (m) => {
    const version = m.in.u8();
    if (version > 5) throw damaged(`is of protocol ${version}; up to 5 are read`);
  },
  0x95: (m) => void m.in.u64(), // FRAME
  0x28: (m) => m.push(mark),
  0x30: (m) => void m.pop(), // POP
  0x4e: (m) => m.push(null),
  0x88: (m) => m.push(true),
  0x89: (m) => m.push(false),
  // Whole numbers and text
  0x4a: (m) => m.push(m.in.i32()),
  0x4b: (m) => m.push(m.in.u8()),
  0x4d: (m) => m.push(m.in.u16()),
  0x8a: (m) => m.push(m.in.long(m.in.u8())),
  0x47: (m) => m.push(m.in.f64()),
  0x58: (m) => m.push(m.in.text(m.in.u32())),
  0x8c: (m) => m.push(m.in.text(m.in.u8())),
  0x8d: (m) => m.push(m.in.text(m.in.u64())),
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
  0x71: (m) => m.put(m.in.u8()),
  0x72: (m) => m.put(m.in.u32()),
  0x94: (m) => m.memoize(),
  0x68: (m) => m.get(m.in.u8()),
  0x6a: (m) => m.get(m.in.u32()),
  // Globals and calls
  0x63: (m) => m.push(m.dialect.named(m.in.line(), m.in.line())),
  0x93: (m) => {
    const name = text(m.pop());
    m.push(m.dialect.named(text(m.pop()), name));
  },
  0x52: call,
  0x62: (m) => {
    const state = m.pop();
    m.dialect.build(m.peek(), state);
  },
};
