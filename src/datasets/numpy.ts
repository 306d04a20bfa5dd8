/** NumPy's files, as far as they hold masks. A pickle is read as a list of what it would do: nothing of it is run. */
import { AppError } from "../lib/errors.ts";
import type { PickleDialect } from "../lib/pickle/machine.ts";
import { PickleError } from "../lib/pickle/pickle-error.ts";
import { objectOpcodes } from "../lib/pickle/object-opcodes.ts";
import { readPickle } from "../lib/pickle/read.ts";

/** An array as it lies in a file. */
export interface NumpyArray {
  /** NumPy's own: `<u2`, `|b1` ... */
  readonly type: string;
  readonly shape: readonly number[];
  /** Whether columns lie together, and not rows. */
  readonly fortran: boolean;
  readonly bytes: Uint8Array;
}

const magic = Buffer.from("\x93NUMPY", "latin1");

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

/** As NumPy pickles arrays: bytes and calls beside plain values. A file of Cellpose has some hundred objects. */
const arrays: PickleDialect = {
  holds: "array",
  mostObjects: 100_000,
  mostSteps: 1_000_000,
  more: objectOpcodes,
  named: (module, name): Named => ({ name: `${module}.${name}` }),
  call: (named, args): Called => ({ called: isNamed(named) ? named.name : "", args, state: null }),
  // What else somebody keeps beside the arrays, a deque or a dict of another kind, is nothing to us.
  misfit: () => {},
  build: (made, state) => {
    if (isCalled(made)) made.state = state;
  },
};
/**
 * The arrays of a `.npy` file that is a pickled dict, by their names. Source: numpy, lib/format.py (header, versions 1 to
 * 3). Throws AppError mask_png_invalid.
 */
export function numpyDict(bytes: Buffer): ReadonlyMap<unknown, unknown> {
  if (!bytes.subarray(0, 6).equals(magic)) throw unreadable("does not begin as one");
  const wide = (bytes[6] as number) > 1;
  if (bytes.length < 12) throw unreadable("ends within its head");
  const from = wide ? 12 : 10;
  const to = from + (wide ? bytes.readUInt32LE(8) : bytes.readUInt16LE(8));
  if (!/'descr'\s*:\s*'\|O'/.test(bytes.toString("latin1", from, to)))
    throw unreadable("holds numbers alone, and no dict");
  const content = stateOf(unpickled(bytes.subarray(to)), 5)[4];
  const [dict] = Array.isArray(content) ? (content as unknown[]) : [];
  if (!(dict instanceof Map)) throw unreadable("holds no dict");
  return dict;
}

function unpickled(bytes: Uint8Array): unknown {
  try {
    return readPickle(bytes, arrays).value;
  } catch (error) {
    throw error instanceof PickleError ? unreadable(error.message) : error;
  }
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

const isNamed = (value: unknown): value is Named =>
  typeof value === "object" && value !== null && "name" in value;
const isCalled = (value: unknown): value is Called =>
  typeof value === "object" && value !== null && "called" in value;

/** What an object was set to after it had been made. */
function stateOf(value: unknown, least: number): unknown[] {
  const state = isCalled(value) ? value.state : null;
  if (!Array.isArray(state) || state.length < least)
    throw unreadable("has something else than an array there");
  return state as unknown[];
}
