import { createInference } from "../../src/inference/index.ts";
import type { ImageSource } from "../../src/inference/types.ts";
import type { Inference } from "../../src/inference/inference.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { buildGraphs } from "../../src/graphs/build.ts";
import type { ObjectStore } from "../../src/storage/store.ts";

/** Real inference with MobileSAM on a store; close it before the store. */
export async function testInference(
  store: ObjectStore,
  options: {
    cacheEntries?: number;
    prefixBytes?: number;
    modelsFolder?: string;
    patienceMs?: number;
    threads?: number;
  } = {},
): Promise<Inference> {
  await buildGraphs();
  return createInference({
    store,
    cacheEntries: options.cacheEntries ?? 8,
    prefixBytes: options.prefixBytes ?? 2 ** 25,
    threads: options.threads ?? 1,
    decodeWorkers: 1,
    maxImagePixels: 4_000_000,
    ...(options.modelsFolder === undefined ? {} : { modelsFolder: options.modelsFolder }),
    ...(options.patienceMs === undefined ? {} : { patienceMs: options.patienceMs }),
  });
}

/** An image as inference wants it, and how often its bytes were asked for. */
export function countedSource(bytes: Uint8Array): ImageSource & { readonly reads: number } {
  let reads = 0;
  return {
    sha256: sha256(bytes),
    bytes: async () => {
      reads++;
      return bytes;
    },
    get reads() {
      return reads;
    },
  };
}
