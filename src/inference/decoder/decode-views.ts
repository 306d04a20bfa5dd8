import { availableParallelism } from "node:os";
import { setImmediate } from "node:timers/promises";
import { type WorkerPool, workerPool } from "../../lib/worker-pool.ts";
import type * as viewWorker from "../workers/view.ts";
import { runView, type ViewRun } from "./run-view.ts";
import type { Decoded } from "./run.ts";

/** Threads beside that of the decode worker, which start with the first prompt that has several views. */
let beside: WorkerPool<typeof viewWorker> | undefined;

/**
 * The decoder's runs over the views of one task, which has `threads` cores (0: all). Several views run side by side, each
 * on one thread: two runs of one thread took .74 of the time of one run after the other on two threads (four views, 2
 * cores). Throws what runView throws.
 */
export async function decodeViews(runs: readonly ViewRun[], threads: number): Promise<Decoded[]> {
  const cores = threads || availableParallelism();
  const lanes = Math.min(runs.length, cores);
  if (lanes < 2) return inTurn(runs);
  const single = runs.map((run): ViewRun => ({ ...run, task: { ...run.task, threads: 1 } }));
  beside ??= workerPool({ module: new URL("../workers/view.ts", import.meta.url), threads: cores - 1 });
  const run = beside.of("decode");
  const others = single.map((one, i) => (i % lanes === 0 ? null : run(one)));
  // All ends are waited for, so that a failure of one leaves no work of another behind.
  const ended = Promise.allSettled(others.filter((other) => other !== null));
  // This thread's own runs hold it, so the others are sent off first.
  await setImmediate();
  const own = inTurn(single.filter((_, i) => i % lanes === 0));
  await Promise.allSettled([own, ended]);
  const mine = (await own).values();
  const out: Decoded[] = [];
  for (const other of others) out.push(other ? await other : (mine.next().value as Decoded));
  return out;
}

async function inTurn(runs: readonly ViewRun[]): Promise<Decoded[]> {
  const out: Decoded[] = [];
  for (const run of runs) out.push(await runView(run));
  return out;
}
