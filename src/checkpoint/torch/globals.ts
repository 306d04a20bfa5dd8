import { RefusedFile } from "../refused.ts";
import type { ItemType } from "../tensor-file.ts";

/** A name that a pickle asks for: what it may stand for is decided here, nothing is looked up anywhere. */
export interface Global {
  readonly global: string;
}

export const isGlobal = (value: unknown): value is Global =>
  typeof value === "object" && value !== null && "global" in value;

/** Where a tensor's values lie in the archive. `itemType` null: a type that no weight has (whole or complex numbers). */
export interface StorageRef {
  readonly key: string;
  readonly itemType: ItemType | null;
  readonly typeName: string;
  /** Values in it. */
  readonly length: number;
}

/** A tensor as a pickle describes it; offset and strides count values. */
export class TensorRef {
  readonly storage: StorageRef;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];

  constructor(storage: StorageRef, offset: number, shape: readonly number[], strides: readonly number[]) {
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

/** An object of which only its class or maker is known: nothing of it is made or run. */
export class Opaque {
  /** `argparse.Namespace` and the like. */
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

const storageTypes: Readonly<Record<string, ItemType | null>> = {
  "torch.FloatStorage": "F32",
  "torch.HalfStorage": "F16",
  "torch.BFloat16Storage": "BF16",
  "torch.DoubleStorage": "F64",
  "torch.LongStorage": null,
  "torch.IntStorage": null,
  "torch.ShortStorage": null,
  "torch.CharStorage": null,
  "torch.ByteStorage": null,
  "torch.BoolStorage": null,
};

/** What a call of these comes to; other calls make an Opaque. */
const functions: Readonly<Record<string, (args: readonly unknown[]) => unknown>> = {
  "collections.OrderedDict": ([pairs]) =>
    new Map(Array.isArray(pairs) ? (pairs as [unknown, unknown][]) : []),
  "collections.defaultdict": () => new Map(),
  "torch.Size": ([sizes]) => sizes,
  "torch._utils._rebuild_tensor_v2": ([storage, offset, shape, strides]) => {
    if (!isStorage(storage) || !isCount(offset) || !isCounts(shape) || !isCounts(strides))
      throw new RefusedFile(
        "unreadable",
        "the pickle describes a tensor by what is no storage, offset, shape and strides",
      );
    if (shape.length !== strides.length)
      throw new RefusedFile("unreadable", "the pickle describes a tensor with more sizes than strides");
    return new TensorRef(storage, offset, shape, strides);
  },
  "torch._utils._rebuild_parameter": ([tensor]) => tensor,
  "torch._utils._rebuild_parameter_with_state": ([tensor]) => tensor,
  // A tensor with attributes of its own: the function that makes it, its type, and that function's arguments.
  "torch._tensor._rebuild_from_type_v2": ([make, , args]) =>
    isGlobal(make) && make.global.startsWith("torch._utils.") ? callGlobal(make, args) : null,
};

/**
 * What no model has and attacks on torch.load do have. Nothing of a pickle is run whatever it names: the list is there so that
 * whoever sends such a file is told.
 */
const harmful =
  /^(os|posix|nt|subprocess|sys|socket|shutil|importlib|runpy|pty|ctypes|webbrowser|pickle|_pickle|requests|urllib|http)\.|^_?io\.open|^(builtins|__builtin__)\.(eval|exec|execfile|compile|open|__import__|breakpoint|input)$|^torch\.(load|hub\.|serialization\.|storage\._load_from_bytes)/;

/** What stands for a name. Throws RefusedFile `foreign_global` with the name where it is one of attacks. */
export function globalNamed(module: string, name: string): Global {
  const global = `${module}.${name}`;
  if (!harmful.test(global)) return { global };
  throw new RefusedFile(
    "foreign_global",
    `the pickle asks for ${JSON.stringify(global.slice(0, 200))}, which no model needs and which could harm whoever loads the file with torch.load; nothing of it was run`,
  );
}

export function callGlobal({ global }: Global, args: unknown): unknown {
  if (Object.hasOwn(storageTypes, global)) throw new RefusedFile("unreadable", `the pickle calls ${global}`);
  const make = Object.hasOwn(functions, global) ? functions[global] : undefined;
  return make && Array.isArray(args) ? make(args as unknown[]) : new Opaque(global);
}

/** A persistent id: ("storage", type, key, place, length). */
export function storageOf(id: unknown): StorageRef {
  const [kind, type, key, , length] = Array.isArray(id) ? (id as unknown[]) : [];
  const known = isGlobal(type) && /^torch\.(\w+Storage|storage\.\w+Storage)$/.test(type.global);
  if (kind !== "storage" || !known || typeof key !== "string" || !isCount(length))
    throw new RefusedFile("unreadable", "the pickle refers to what is no storage");
  return { key, itemType: storageTypes[type.global] ?? null, typeName: type.global, length };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const isCounts = (value: unknown): value is number[] => Array.isArray(value) && value.every(isCount);
const isStorage = (value: unknown): value is StorageRef =>
  typeof value === "object" && value !== null && "typeName" in value;
