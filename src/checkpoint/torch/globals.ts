import { RefusedFile } from "../refused.ts";
import type { ItemType } from "../tensor-file.ts";

/** A name that a pickle asks for: what it may stand for is decided here, nothing is looked up anywhere. */
export interface Global {
  readonly global: string;
}

export const isGlobal = (value: unknown): value is Global =>
  typeof value === "object" && value !== null && "global" in value;

/** Where a tensor's values lie in the archive. `itemType` null: a type that no weight has (whole numbers). */
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

/** What may be called, and what comes of it. */
const functions: Readonly<Record<string, (args: readonly unknown[]) => unknown>> = {
  "collections.OrderedDict": ([pairs]) =>
    new Map(Array.isArray(pairs) ? (pairs as [unknown, unknown][]) : []),
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
};

/** A global that is on the list. Throws RefusedFile `foreign_global` with its name where it is not. */
export function globalNamed(module: string, name: string): Global {
  const global = `${module}.${name}`;
  if (Object.hasOwn(functions, global) || Object.hasOwn(storageTypes, global)) return { global };
  throw new RefusedFile(
    "foreign_global",
    `the pickle asks for ${JSON.stringify(global.slice(0, 200))}, which weights don't need; nothing of it was run`,
  );
}

export function callGlobal({ global }: Global, args: readonly unknown[]): unknown {
  const make = Object.hasOwn(functions, global) ? functions[global] : undefined;
  if (!make) throw new RefusedFile("unreadable", `the pickle calls ${global}`);
  return make(args);
}

/** A persistent id: ("storage", type, key, place, length). */
export function storageOf(id: unknown): StorageRef {
  const [kind, type, key, , length] = Array.isArray(id) ? (id as unknown[]) : [];
  const known = isGlobal(type) && Object.hasOwn(storageTypes, type.global);
  if (kind !== "storage" || !known || typeof key !== "string" || !isCount(length))
    throw new RefusedFile("unreadable", "the pickle refers to what is no storage");
  return { key, itemType: storageTypes[type.global] ?? null, typeName: type.global, length };
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const isCounts = (value: unknown): value is number[] => Array.isArray(value) && value.every(isCount);
const isStorage = (value: unknown): value is StorageRef =>
  typeof value === "object" && value !== null && "typeName" in value;
