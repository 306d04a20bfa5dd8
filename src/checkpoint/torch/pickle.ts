import { damaged, type PickleDialect } from "../../lib/pickle/machine.ts";
import { PickleError } from "../../lib/pickle/pickle-error.ts";
import { readPickle } from "../../lib/pickle/read.ts";
import { RefusedFile } from "../refused.ts";
import { callGlobal, globalNamed, isGlobal, storageOf } from "./globals.ts";

/** As PyTorch pickles a state dict; ViT-H's has 6,000 objects. */
const stateDict: PickleDialect = {
  holds: "state dict",
  mostObjects: 200_000,
  mostSteps: 10_000_000,
  more: { 0x51: (m) => m.push(storageOf(m.pop())) }, // BINPERSID
  named: globalNamed,
  call: (callable, args) => {
    if (!isGlobal(callable) || !Array.isArray(args)) throw damaged("calls what is no function");
    return callGlobal(callable, args);
  },
  misfit: (what) => {
    throw damaged(what);
  },
  // An OrderedDict's state is PyTorch's `_metadata`, which says nothing that is wanted here.
  build: (made, state) => {
    if (!(made instanceof Map) || !(state instanceof Map)) throw damaged("gives state to what takes none");
  },
};

/**
 * Reads a pickle as PyTorch writes one for a state dict: the few globals of globals.ts are known, any other is refused by
 * its name. Dicts become Maps, lists and tuples arrays, tensors TensorRef of globals.ts.
 * Throws RefusedFile `foreign_global`, `truncated`, `zip_bomb` or `unreadable`.
 */
export function readStateDict(bytes: Uint8Array): unknown {
  try {
    return readPickle(bytes, stateDict);
  } catch (error) {
    if (!(error instanceof PickleError)) throw error;
    const reason = error.reason === "too_large" ? "zip_bomb" : error.reason;
    throw new RefusedFile(reason, `the pickle ${error.message}`, { cause: error });
  }
}
