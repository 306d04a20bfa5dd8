import { Piscina } from "piscina";
import "../../lib/no-telemetry.ts";
import { type Outcome, unwrap } from "../../lib/outcome.ts";
import type { ViewResult, ViewTask } from "../decoder/view-task.ts";
import type { ImageEmbedding, ImageFacts } from "../types.ts";
import type * as decodeWorker from "./decode.ts";
import type { EncodeTask } from "./encode.ts";
import type * as inspectWorker from "./inspect.ts";
import type { InspectTask } from "./inspect.ts";

/** The threads of inference, each function of their files by its name. */
export type Pools = ReturnType<typeof createPools>;

/**
 * Encoding, decoding prompts (`decodeWorkers` side by side) and inspecting uploads have threads of their own, so none
 * waits behind another.
 */
export function createPools({ decodeWorkers }: { decodeWorkers: number }) {
  const encode = workerPool<EncodeTask, ImageEmbedding>("./encode.ts", 1);
  const decode = workerPool<ViewTask, ViewResult>("./decode.ts", decodeWorkers);
  const inspect = workerPool<InspectTask, ImageFacts>("./inspect.ts", 1);
  return {
    encode: encode.run,
    decode: decode.run,
    points: decode.of<typeof decodeWorker.points>("points"),
    boxes: decode.of<typeof decodeWorker.boxes>("boxes"),
    masks: decode.of<typeof decodeWorker.masks>("masks"),
    inspect: inspect.run,
    pixels: inspect.of<typeof inspectWorker.pixels>("pixels"),
    close: async (): Promise<void> => {
      await Promise.all([encode.close(), decode.close(), inspect.close()]);
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
