import { builtInModel } from "../checkpoint/base-models.ts";
import type { MemoryBudget } from "../lib/memory-budget.ts";
import { readFinderFile } from "../inference/find/finder-weights.ts";
import { readWeightsFile } from "../inference/decoder/version-weights.ts";
import { Slots } from "../lib/slots.ts";
import { workerPool } from "../lib/worker-pool.ts";
import type { ObjectStore } from "../storage/store.ts";
import type * as exportWorker from "./export-worker.ts";
import type { ExportTask } from "./export-worker.ts";
import { fileInFolder } from "./spool.ts";
import { type ExportedFile, type ExportOptions, type ExportSubject, isWhole } from "./types.ts";

const MiB = 1024 * 1024;
/**
 * Measured, of a decoder of 16 MiB and an encoder of 28: the weights as they come, handed over, as tensors and as a file;
 * what reads ONNX and writes it keeps twice as much again.
 */
const [ofDecoder, ofWhole] = [96 * MiB, 192 * MiB];
const waitMs = 60_000;

/** One for the process; its thread ends when it has been idle. */
const pool = workerPool<typeof exportWorker>({
  module: new URL("export-worker.ts", import.meta.url),
  threads: 1,
  // A thread's heap still holds what it made last.
  idleMs: 10_000,
});
const make = pool.of("make");
/** Whoever waits for the thread holds no memory meanwhile, and workspaces take turns. */
const turns = new Slots(1);

/**
 * As exportVersion, in a thread of its own, one file after the other: ONNX graphs and zips of many megabytes. `by`: whose
 * memory it is. Throws what exportVersion throws, and AppError overloaded.
 */
export async function exportApart(
  { store, memory }: { store: ObjectStore; memory: MemoryBudget },
  subject: ExportSubject,
  options: ExportOptions,
  by: string,
): Promise<ExportedFile> {
  const whole = isWhole(options);
  const bytes = Math.min(whole ? ofWhole : ofDecoder, memory.most);
  const made = (): Promise<ExportedFile> =>
    memory.hold(bytes, { by, what: "This export", waitMs }, () =>
      fileInFolder(async (path) => make(await taskOf(store, subject, { options, whole, path }))),
    );
  return turns.run(made, { owner: by, waitMs });
}

async function taskOf(
  store: ObjectStore,
  { projectId, base, version }: ExportSubject,
  { options, whole, path }: { options: ExportOptions; whole: boolean; path: string },
): Promise<ExportTask> {
  const { name, family, type, licence, embeddingId, encoderInput } = base;
  const ofBase = version === null && options.format !== "card";
  return {
    projectId,
    base: { name, family, type, licence, embeddingId, encoderInput },
    encoderPath: whole ? await base.encoderPath() : null,
    decoder: ofBase && !builtInModel(name) ? await base.decoderWeights() : null,
    version,
    weights: version && options.format !== "card" ? await readWeightsFile(store, version) : null,
    finder:
      version?.finder && options.format === "bundle"
        ? await readFinderFile(store, version, version.finder)
        : null,
    options,
    path,
  };
}
