import { resolve } from "node:path";
import type { Config } from "./config.ts";
import { type Database, openDatabase } from "./db/client.ts";
import { createListener, type Listener } from "./db/listen.ts";
import { createEmbeddingShelf } from "./db/embedding-shelf.ts";
import { holdBaseModel } from "./db/signed-base-models.ts";
import { createImageNotes } from "./db/image-notes.ts";
import { createPredictionLog, type PredictionLog } from "./db/prediction-log.ts";
import { createInference } from "./inference/index.ts";
import { createMaskReader, type MaskReader } from "./inference/workers/mask-reader.ts";
import type { Inference } from "./inference/inference.ts";
import { Pictures } from "./inference/pictures/pictures.ts";
import { createJsonReader, type JsonReader } from "./lib/json-reader.ts";
import { createLog, type Log } from "./lib/log.ts";
import { createMemoryBudget, defaultMemoryBudget, type MemoryBudget } from "./lib/memory-budget.ts";
import { sweepTemporary } from "./lib/temporary.ts";
import { Releases } from "./lib/releases.ts";
import type { Buckets } from "./storage/buckets.ts";
import { createBuckets, createObjectStore } from "./storage/create.ts";
import type { ObjectStore } from "./storage/store.ts";

/** What the API needs, built once for the process. */
export interface Services {
  readonly config: Config;
  readonly log: Log;
  /** What requests and jobs of this process ask for memory. */
  readonly memory: MemoryBudget;
  readonly json: JsonReader;
  readonly masks: MaskReader;
  /** As requests ask it: see OpenDatabase.requests. */
  readonly db: Database;
  readonly store: ObjectStore;
  /** What lies in others' buckets. */
  readonly buckets: Buckets;
  readonly inference: Inference;
  readonly listener: Listener;
  readonly predictionLog: PredictionLog;
  /** Aborted by `endStreams` and `close`. */
  readonly closing: AbortSignal;
  /** Ends the event streams, which would hold a server that stops open. */
  endStreams(): void;
  /** Closes all, the last one built first. */
  close(): Promise<void>;
}

/**
 * @param options.databaseUrl config.DATABASE_URL, or the embedded server's. The database is migrated already.
 * @param options.logEveryMs How soon after its answer a prediction's times are logged, many at once; 0: before it, and so
 *   is a new embedding stored.
 */
export async function createServices(
  config: Config,
  options: { databaseUrl: string; log?: Log; logEveryMs?: number },
): Promise<Services> {
  const log = options.log ?? createLog({ level: config.LOG_LEVEL, name: "api" });
  const { logEveryMs = 200 } = options;
  const releases = new Releases();
  const closing = new AbortController();
  try {
    const database = openDatabase(options.databaseUrl, { max: config.DATABASE_POOL });
    releases.add("the database", () => database.close());
    const predictionLog = createPredictionLog({ ...database, log, everyMs: logEveryMs });
    releases.add("the log of predictions", () => predictionLog.close());
    const store = createObjectStore(config);
    releases.add("the object store", () => store.close());
    const buckets = createBuckets(config);
    releases.add("buckets", () => buckets.close());
    for (const folder of [undefined, store.nearby]) await sweepTemporary(folder);
    const pictures = new Pictures(config.MAX_IMAGE_PIXELS);
    releases.add("the decoder of pictures", () => pictures.close());
    const inference = await createInference({
      pictures,
      store,
      shelf: createEmbeddingShelf({
        db: database.db,
        maxBytes: config.EMBEDDING_STORE_BYTES,
        quotaBytes: config.QUOTA_BYTES ?? null,
      }),
      notes: createImageNotes(database.db, log),
      cacheEntries: config.EMBEDDING_CACHE_ENTRIES,
      prefixBytes: config.PREFIX_CACHE_BYTES,
      versionBytes: config.VERSION_CACHE_BYTES,
      threads: config.INFERENCE_THREADS,
      decodeWorkers: config.DECODE_WORKERS,
      maxImagePixels: config.MAX_IMAGE_PIXELS,
      modelsFolder: resolve(config.DATA_DIR, "models"),
      holdModel: async (model) => holdBaseModel(database.db, model),
      ...(logEveryMs > 0 && {
        onUnstored: (error: unknown) => log.warn({ err: error }, "a new embedding could not be stored"),
      }),
    });
    releases.add("inference", () => inference.close());
    const json = createJsonReader();
    releases.add("the reader of bodies", () => json.close());
    const memory = createMemoryBudget(config.MEMORY_BUDGET ?? defaultMemoryBudget(), "MEMORY_BUDGET");
    const masks = createMaskReader(memory, pictures);
    releases.add("the reader of masks", () => masks.close());
    const listener = createListener({ databaseUrl: options.databaseUrl, log });
    releases.add("the listener", () => listener.close());
    releases.add("event streams", () => closing.abort());
    return {
      config,
      log,
      memory,
      json,
      masks,
      db: database.requests,
      store,
      buckets,
      inference,
      listener,
      predictionLog,
      closing: closing.signal,
      endStreams: () => closing.abort(),
      close: () => releases.release(),
    };
  } catch (error) {
    await releases.release();
    throw error;
  }
}
