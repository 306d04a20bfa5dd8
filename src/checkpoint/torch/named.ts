import { RefusedFile } from "../refused.ts";
import { Opaque, TensorRef } from "./globals.ts";

/** What a checkpoint holds, by the path of keys that leads there, joined by dots: `model.mask_decoder.iou_token.weight`. */
export interface Named {
  /** Tensors of floating-point numbers. */
  readonly tensors: ReadonlyMap<string, TensorRef>;
  /** Tensors of other numbers, and what they are of. */
  readonly unread: ReadonlyMap<string, string>;
  /** The classes of objects that were not looked into; at most some hundred. */
  readonly objects: ReadonlyMap<string, string>;
}

/** Checkpoints nest as `state_dict`, `model` and the like, three or four deep. */
const mostLevels = 8;
const mostObjects = 200;

/** All tensors of a checkpoint, in its order; what is there twice is named once. Throws RefusedFile `unreadable`. */
export function namedTensors(root: unknown): Named {
  const tensors = new Map<string, TensorRef>();
  const unread = new Map<string, string>();
  const objects = new Map<string, string>();
  // A pickle may hold one dict in many places, even in itself
  const seen = new Set<unknown>();
  const visit = (value: unknown, path: string, level: number): void => {
    if (value instanceof TensorRef) {
      if (value.storage.itemType === null) return void unread.set(path, value.storage.typeName);
      if (tensors.has(path)) throw new RefusedFile("unreadable", `the file has two tensors ${path}`);
      tensors.set(path, value);
    } else if (value instanceof Opaque && /^torch\._utils\._rebuild_\w*tensor\w*$/.test(value.name)) {
      unread.set(path, value.name);
    } else if (value instanceof Opaque) {
      if (objects.size < mostObjects) objects.set(path, value.name);
    } else if ((value instanceof Map || Array.isArray(value)) && level < mostLevels && !seen.has(value)) {
      seen.add(value);
      for (const [key, inner] of value.entries() as Iterable<[unknown, unknown]>) {
        if (typeof key === "string" || (Array.isArray(value) && typeof inner === "object"))
          visit(inner, path === "" ? String(key) : `${path}.${String(key)}`, level + 1);
      }
    }
  };
  visit(root, "", 0);
  return { tensors, unread, objects };
}
