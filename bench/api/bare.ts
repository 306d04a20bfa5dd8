import { Piscina } from "piscina";
import type { BareTask } from "./bare-worker.ts";

export interface Bare {
  /** Prompts a second, of all workers. */
  rate(seconds: number): Promise<number>;
  close(): Promise<void>;
}

/** As many threads as the server decodes with, which do nothing but run its decoder graph. */
export function openBare(workers: number, workerData: BareTask): Bare {
  const pool = new Piscina<number, number>({
    filename: new URL("bare-worker.ts", import.meta.url).href,
    minThreads: workers,
    maxThreads: workers,
    concurrentTasksPerWorker: 1,
    atomics: "disabled",
    workerData,
  });
  return {
    rate: async (seconds) => {
      const rates = Array.from({ length: workers }, () => pool.run(seconds * 1000));
      return (await Promise.all(rates)).reduce((sum, rate) => sum + rate, 0);
    },
    close: () => pool.close(),
  };
}
