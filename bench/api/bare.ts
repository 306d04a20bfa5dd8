import { Piscina } from "piscina";
import "../../src/lib/no-telemetry.ts";
import type { Bareness, BareTask, RateTask } from "./bare-worker.ts";

export interface Bare {
  /** Prompts a second, of all workers. */
  rate(seconds: number, bareness: Bareness): Promise<number>;
  close(): Promise<void>;
}

/** As many threads as the server decodes with, which do nothing but run its decoder. */
export function openBare(workers: number, workerData: BareTask): Bare {
  const pool = new Piscina<RateTask, number>({
    filename: new URL("bare-worker.ts", import.meta.url).href,
    minThreads: workers,
    maxThreads: workers,
    concurrentTasksPerWorker: 1,
    atomics: "disabled",
    workerData,
  });
  return {
    rate: async (seconds, bareness) => {
      const task = { milliseconds: seconds * 1000, bareness };
      const rates = Array.from({ length: workers }, () => pool.run(task));
      return (await Promise.all(rates)).reduce((sum, rate) => sum + rate, 0);
    },
    close: () => pool.close(),
  };
}
