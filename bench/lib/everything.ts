import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { everythingDefaults, type EverythingSettings } from "../../src/domain/everything.ts";
import type { EverythingResult } from "../../src/inference/everything/types.ts";
import { createInference } from "../../src/inference/index.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { buildGraphs } from "../../src/graphs/build.ts";
import { LocalStore } from "../../src/storage/local.ts";

export interface Ours {
  /** Encodes anew in every call, as the peer does. */
  generate(image: string, settings: Partial<EverythingSettings>): Promise<EverythingResult>;
  stop(): Promise<void>;
}

/** Our inference, whole, on a store of its own. */
export async function startOurs(threads: number): Promise<Ours> {
  await buildGraphs();
  const folder = await mkdtemp(join(tmpdir(), "maskwright-everything-"));
  const store = new LocalStore(folder);
  const limits = { decodeWorkers: 1, maxImagePixels: 100_000_000 };
  const inference = await createInference({
    store,
    cacheEntries: 1,
    prefixBytes: 2 ** 25,
    threads,
    ...limits,
  });
  let calls = 0;
  return {
    generate: async (path, settings) => {
      const bytes = await readFile(path);
      const { width, height } = await inference.inspect(bytes);
      return inference.segmentEverything({
        // Nothing is cached across workspaces.
        workspaceId: `ws_${calls++}`,
        baseModel: "mobile_sam",
        image: { sha256: sha256(bytes), size: [height, width], bytes: () => Promise.resolve(bytes) },
        versions: [{ number: 0 }],
        settings: { ...everythingDefaults, ...settings },
        format: "rle",
        maxAnswerBytes: 1e9,
      });
    },
    stop: async () => {
      await inference.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
