import { damaged, type PickleDialect } from "../../lib/pickle/machine.ts";
import { objectOpcodes } from "../../lib/pickle/object-opcodes.ts";
import { PickleError } from "../../lib/pickle/pickle-error.ts";
import { readPickle } from "../../lib/pickle/read.ts";
import { RefusedFile } from "../refused.ts";
import {
  callGlobal,
  globalNamed,
  isGlobal,
  Opaque,
  type StorageRef,
  storageOf,
  TensorRef,
} from "./globals.ts";

/** As PyTorch pickles a checkpoint; ViT-H's state dict has 6,000 objects. */
const checkpoint: PickleDialect = {
  holds: "checkpoint",
  mostObjects: 200_000,
  mostSteps: 10_000_000,
  more: { ...objectOpcodes, 0x51: (m) => m.push(storageOf(m.pop())) }, // BINPERSID
  named: globalNamed,
  call: (callable, args) => {
    if (callable instanceof Opaque) return callable;
    if (!isGlobal(callable)) throw damaged("calls what is no function");
    return callGlobal(callable, args);
  },
  misfit: (what, target) => {
    if (!(target instanceof Opaque)) throw damaged(what);
  },
  // The state of an OrderedDict is PyTorch's `_metadata`, which says nothing that is wanted here.
  build: (made) => {
    const takesState = made instanceof Map || made instanceof Opaque || made instanceof TensorRef;
    if (!takesState) throw damaged("gives state to what takes none");
  },
};

/**
 * Reads a pickle as PyTorch writes one for a checkpoint: tensors and dicts by the few globals of globals.ts, all other
 * objects (arguments, paths, optimizers) as Opaque, of which only the name is kept. Nothing is looked up or run. Dicts become
 * Maps, lists, tuples and sets arrays, tensors TensorRef of globals.ts.
 * Throws RefusedFile `foreign_global`, `truncated`, `zip_bomb` or `unreadable`.
 */
export function readCheckpoint(bytes: Uint8Array): unknown {
  return refusing(() => readPickle(bytes, checkpoint).value);
}

/** The same of `count` pickles in a row, which end at `end`; `found` is told of every storage. Throws as that does. */
export function readCheckpoints(
  bytes: Uint8Array,
  count: number,
  found: (storage: StorageRef) => void,
): { readonly values: readonly unknown[]; readonly end: number } {
  const stream: PickleDialect = {
    ...checkpoint,
    more: {
      ...checkpoint.more,
      0x51: (m) => {
        const id = m.pop();
        // The class of a module, with the file and text of its source
        if (Array.isArray(id) && id[0] === "module") return m.push(id[1]);
        const storage = storageOf(id);
        if (Array.isArray(id) && id[5] != null)
          throw new RefusedFile(
            "unreadable",
            "the pickle refers to a part of a storage, as PyTorch before 0.4 did",
          );
        found(storage);
        m.push(storage);
      },
    },
  };
  return refusing(() => {
    const values: unknown[] = [];
    let end = 0;
    for (let i = 0; i < count; i++) {
      const one = readPickle(bytes.subarray(end), stream);
      values.push(one.value);
      end += one.end;
    }
    return { values, end };
  });
}

function refusing<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof PickleError)) throw error;
    const reason = error.reason === "too_large" ? "zip_bomb" : error.reason;
    throw new RefusedFile(reason, `the pickle ${error.message}`, { cause: error });
  }
}
