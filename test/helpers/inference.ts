import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInference } from "../../src/inference/index.ts";
import type { ImageSource, Inference } from "../../src/inference/types.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { buildGraphs } from "../../src/main/build-graphs.ts";
import { LocalStore } from "../../src/storage/local.ts";

/** An object store in a folder of its own, removed by `close`. */
export async function temporaryStore(): Promise<{
  store: LocalStore;
  folder: string;
  close: () => Promise<void>;
}> {
  const folder = await mkdtemp(join(tmpdir(), "maskwright-test-"));
  const store = new LocalStore(folder);
  return {
    store,
    folder,
    close: async () => {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Real inference with MobileSAM on a store; close it before the store. */
export async function testInference(
  store: LocalStore,
  options: { cacheEntries?: number } = {},
): Promise<Inference> {
  await buildGraphs();
  return createInference({
    store,
    cacheEntries: options.cacheEntries ?? 8,
    threads: 1,
    decodeWorkers: 1,
    maxImagePixels: 4_000_000,
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
