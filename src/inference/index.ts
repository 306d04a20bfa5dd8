import { tmpdir } from "node:os";
import { join } from "node:path";
import { Piscina } from "piscina";
import { AppError } from "../lib/errors.ts";
import "../lib/no-telemetry.ts";
import { inSpan } from "../lib/trace.ts";
import type { ObjectStore } from "../storage/store.ts";
import { BaseModels } from "../base-models/registry.ts";
import type * as decodeWorker from "./decode-worker.ts";
import { EmbeddingCache } from "./embedding-cache.ts";
import type { EmbeddingShelf } from "./embedding-shelf.ts";
import type { EncodeTask } from "./encode-worker.ts";
import { segmentEverything } from "./everything/generate.ts";
import { readGraphs } from "../graphs/files.ts";
import type * as inspectWorker from "./inspect-worker.ts";
import type { InspectTask } from "./inspect-worker.ts";
import { type Outcome, unwrap } from "../lib/outcome.ts";
import { PrefixCache } from "./prefix-cache.ts";
import { predict } from "./predict.ts";
import { Pixels } from "./pixels.ts";
import { PictureRoom } from "./picture-room.ts";
import { embedRegion } from "./regions.ts";
import { Together } from "./together.ts";
import type { ImageEmbedding, ImageFacts } from "./types.ts";
import type { Inference } from "./inference.ts";
import { VersionWeights } from "./version-weights.ts";
import type { ViewResult, ViewTask } from "./view-task.ts";

export interface InferenceOptions {
  readonly store: ObjectStore;
  /** Keeps account of the embeddings in the store, and lets the oldest go; left out, all are kept. */
  readonly shelf?: EmbeddingShelf;
  /** Embeddings kept in memory, 4 MiB each. */
  readonly cacheEntries: number;
  /** Bytes of what decoders make of an image before they look at prompts, kept for the next prompt; 0 keeps nothing. */
  readonly prefixBytes: number;
  /** CPU threads of one encode or decode; 0 lets onnxruntime choose. */
  readonly threads: number;
  /** Worker threads that decode prompts side by side. */
  readonly decodeWorkers: number;
  /** Larger images are refused by their header. */
  readonly maxImagePixels: number;
  /** Where image encoders of imported base models are kept on disk; below the temporary folder by default. */
  readonly modelsFolder?: string;
  /**
   * Hears of an embedding that could not be stored, and lets answers not wait until theirs is; left out, they wait. A
   * machine that stops after an answer has to leave it out.
   */
  readonly onUnstored?: (error: unknown) => void;
  /** Where the decoder graphs are; build/graphs of this package by default. */
  readonly graphsFolder?: string;
}

/**
 * Inference in worker threads: onnxruntime-node holds its thread for a whole run. Encoding, decoding prompts and
 * inspecting uploads have threads of their own, so none waits behind another.
 * Throws an Error when the decoder graphs have not been built.
 */
export async function createInference(options: InferenceOptions): Promise<Inference> {
  const graphs = readGraphs(options.graphsFolder);
  const { threads, maxImagePixels: maxPixels } = options;
  const encodePool = workerPool<EncodeTask, ImageEmbedding>("encode-worker.ts", 1);
  const decodePool = workerPool<ViewTask, ViewResult>("decode-worker.ts", options.decodeWorkers);
  const prefixes = new PrefixCache(options.prefixBytes);
  const together = new Together(options.decodeWorkers, (task) =>
    prefixes.withViews(task, (own) => decodePool.run(own)),
  );
  const points = decodePool.of<typeof decodeWorker.points>("points");
  const boxes = decodePool.of<typeof decodeWorker.boxes>("boxes");
  const masks = decodePool.of<typeof decodeWorker.masks>("masks");
  const inspectPool = workerPool<InspectTask, ImageFacts>("inspect-worker.ts", 1);
  const decodePixels = inspectPool.of<typeof inspectWorker.pixels>("pixels");
  const room = new PictureRoom(maxPixels);
  const pixels = new Pixels(({ bytes }) => room.with(bytes, () => decodePixels({ bytes, maxPixels })));
  const models = new BaseModels(options.store, options.modelsFolder ?? join(tmpdir(), "maskwright-models"));
  const weights = new VersionWeights(options.store, models);
  const embeddings = new EmbeddingCache({
    store: options.store,
    shelf: options.shelf,
    models,
    entries: options.cacheEntries,
    onDrop: (embedding) => prefixes.forget(embedding),
    encode: async (model, { source, region, flip }, signal) =>
      inSpan("encode", {}, async () => {
        const image =
          region || flip ? await pixels.of(source) : { sha256: source.sha256, bytes: await source.bytes() };
        signal.throwIfAborted();
        const task = {
          image,
          region,
          flip,
          encoderPath: await model.encoderPath(),
          encoderInput: model.encoderInput,
          threads,
          maxPixels,
        };
        return "bytes" in image ? room.with(image.bytes, () => encodePool.run(task)) : encodePool.run(task);
      }),
  });
  const running = new Running();
  const { onUnstored } = options;
  const find: Inference["embed"] = (image, embedOptions) =>
    inSpan("embedding", {}, async (span) => {
      const embedded = await embeddings.get(image, embedOptions);
      span.setAttribute("maskwright.embedding_from", embedded.from);
      return embedded;
    });
  const embed: Inference["embed"] = async (image, embedOptions) => {
    const embedded = await find(image, embedOptions);
    await embedded.stored;
    return embedded;
  };
  const embedForAnswer: Inference["embed"] = async (image, embedOptions) => {
    if (!onUnstored) return embed(image, embedOptions);
    const embedded = await find(image, embedOptions);
    if (embedded.stored) running.hold(embedded.stored.catch(onUnstored));
    return embedded;
  };
  const answer: Inference["predict"] = (request) =>
    predict(
      {
        graphs,
        threads,
        workers: options.decodeWorkers,
        embed: ({ image }, region) =>
          region
            ? embedRegion(
                { embed: embedForAnswer },
                { ...image, size: region.size },
                { ...request, region: region.box },
              )
            : embedForAnswer(image, request),
        pixels: ({ image }) => pixels.of(image),
        weights: (version, name) => weights.get(version, name),
        answer: (task) =>
          inSpan("decode", { "maskwright.prompts": task.prompts.length }, () =>
            together.decode(task, request.workspaceId),
          ),
      },
      request,
    );
  return {
    inspect: (bytes) => running.track(() => room.with(bytes, () => inspectPool.run({ bytes, maxPixels }))),
    pixels: (image) => running.track(() => pixels.of(image)),
    embed: (image, embedOptions) => running.track(() => embed(image, embedOptions)),
    predict: (request) => running.track(() => answer(request)),
    segmentEverything: (request) =>
      running.track(() =>
        segmentEverything(
          {
            graphs,
            threads,
            workers: options.decodeWorkers,
            embed: ({ image, workspaceId, baseModel: name, signal }, region) =>
              embedRegion({ embed: embedForAnswer }, image, { workspaceId, baseModel: name, signal, region }),
            weights: (version, name) => weights.get(version, name),
            points: (task) => prefixes.with(task, points),
            boxes,
            masks,
            predict: answer,
          },
          request,
        ),
      ),
    forget: (image) => {
      pixels.forget(image.sha256);
      return running.track(() => embeddings.forget(image));
    },
    makeRoom: (workspaceId) => running.track(() => embeddings.makeRoom(workspaceId)),
    baseModel: (name) => models.get(name),
    close: async () => {
      await running.drain();
      await Promise.all([encodePool.close(), decodePool.close(), inspectPool.close()]);
    },
  };
}

type WorkerFunction = (task: never) => Promise<Outcome<unknown>>;
type Value<Work extends WorkerFunction> =
  Awaited<ReturnType<Work>> extends Outcome<infer Result> ? Result : never;

interface WorkerPool<T, R> {
  run(task: T): Promise<R>;
  /** Another function of the same worker file, by its name. */
  of<Work extends WorkerFunction>(name: string): (task: Parameters<Work>[0]) => Promise<Value<Work>>;
  close(): Promise<void>;
}

/** Threads that each load one worker file; they start with the first task and stay, with their sessions. */
function workerPool<T, R>(file: string, count: number): WorkerPool<T, R> {
  const pool = new Piscina<unknown, Outcome<unknown>>({
    filename: new URL(file, import.meta.url).href,
    minThreads: 0,
    maxThreads: count,
    // geotiff's web-worker takes a thread for one of its own, and breaks it, where there are no data.
    workerData: {},
    idleTimeout: Number.POSITIVE_INFINITY,
    // A run holds its thread, so a second task inside would only wait where another thread might be free.
    concurrentTasksPerWorker: 1,
    // Node waits on shared memory otherwise, and a worker that does can't finish its own promises.
    atomics: "disabled",
  });
  return {
    run: async (task) => unwrap((await pool.run(task)) as Outcome<R>),
    of:
      <Work extends WorkerFunction>(name: string) =>
      async (task: Parameters<Work>[0]) =>
        unwrap((await pool.run(task, { name })) as Outcome<Value<Work>>),
    close: () => pool.close(),
  };
}

/** Calls under way: closing lets them end, and lets no new one in. */
class Running {
  readonly #calls = new Set<Promise<unknown>>();
  #closed = false;

  async track<T>(call: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new AppError("unavailable", "inference is shutting down");
    const running = call();
    this.#calls.add(running);
    try {
      return await running;
    } finally {
      this.#calls.delete(running);
    }
  }

  /** Work that an answer did not wait for. */
  hold(work: Promise<unknown>): void {
    this.#calls.add(work);
    void work.finally(() => this.#calls.delete(work));
  }

  async drain(): Promise<void> {
    this.#closed = true;
    while (this.#calls.size > 0) await Promise.allSettled(this.#calls);
  }
}
