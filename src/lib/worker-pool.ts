import type { Transferable } from "node:worker_threads";
import { Piscina } from "piscina";
import { type Outcome, unwrap } from "./outcome.ts";

/** A function that a worker file exports: plain data in, an Outcome out. */
export type WorkerFunction = (task: never) => Promise<Outcome<unknown>>;
type Task<Work extends WorkerFunction> = Parameters<Work>[0];
type Value<Work extends WorkerFunction> =
  Awaited<ReturnType<Work>> extends Outcome<infer Result> ? Result : never;

/** Threads that load one module, by its exported functions; `Module` is its type. */
export interface WorkerPool<Module> {
  /**
   * One function of the module, run in whichever thread is free. It throws the AppError that the function threw; an Error
   * where the thread ended or can't load the module.
   */
  of<Name extends keyof Module & string>(
    name: Name,
  ): Module[Name] extends WorkerFunction
    ? (task: Task<Module[Name]>, transfer?: Transferable[]) => Promise<Value<Module[Name]>>
    : never;
  close(): Promise<void>;
}

export interface WorkerPoolOptions {
  readonly module: URL;
  readonly threads: number;
  /** Milliseconds after which a thread without work ends, and its heap with it; without it, threads stay. */
  readonly idleMs?: number;
}

/** Threads start with the first task. */
export function workerPool<Module>({ module, threads, idleMs }: WorkerPoolOptions): WorkerPool<Module> {
  const pool = new Piscina<unknown, Outcome<unknown>>({
    minThreads: 0,
    maxThreads: threads,
    // geotiff's web-worker takes a thread for one of its own, and breaks it, where there are no data.
    workerData: {},
    idleTimeout: idleMs ?? Number.POSITIVE_INFINITY,
    // A run holds its thread, so a second task inside would only wait where another thread might be free.
    concurrentTasksPerWorker: 1,
    // Node waits on shared memory otherwise, and a worker that does can't finish its own promises.
    atomics: "disabled",
  });
  // Piscina starts no thread for what waits when one has ended: no more is handed to it than has a thread.
  const line: (() => void)[] = [];
  let running = 0;
  const turn = async (): Promise<void> => {
    if (running < threads) running++;
    else await new Promise<void>((resolve) => line.push(resolve));
  };
  const leave = (): void => {
    const next = line.shift();
    if (next) next();
    else running--;
  };
  // One that ends before it has a task leaves what waits for it.
  const starting = new Set<AbortController>();
  pool.on("error", (error: unknown) => {
    if (pool.queueSize > 0) for (const control of starting) control.abort(error);
  });
  const run = async (name: string, task: unknown, transferList: Transferable[] = []): Promise<unknown> => {
    await turn();
    const control = new AbortController();
    starting.add(control);
    try {
      // The module is named with the task: loaded before it, one that throws would end the thread.
      const { signal } = control;
      return unwrap(await pool.run(task, { filename: module.href, name, transferList, signal }));
    } catch (error) {
      throw control.signal.aborted ? control.signal.reason : error;
    } finally {
      starting.delete(control);
      leave();
    }
  };
  return {
    of: ((name: string) => (task: unknown, transfer?: Transferable[]) =>
      run(name, task, transfer)) as WorkerPool<Module>["of"],
    close: () => pool.close(),
  };
}
