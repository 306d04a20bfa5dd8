import { Worker } from "node:worker_threads";
import "../../lib/no-telemetry.ts";
import { engineFor } from "./create.ts";
import type { ProductTimed, ProofStart } from "./device-worker.ts";
import type { EngineName, TrainerDevice } from "./types.ts";

/** What the trainer computes on, shown and not only named. */
export interface DeviceProof {
  readonly engine: EngineName;
  /** For people: library, version, device. */
  readonly device: string;
  /** Milliseconds of one product of two 1024 x 1024 float32 matrices, the fastest of three. */
  readonly productMs: number;
  readonly gflops: number;
}

/**
 * Multiplies two matrices in the thread and with the library that training would take, checks the product and times
 * it. Throws an Error that says why that device can't be had; there is no falling back to another one.
 */
export async function proveDevice(options: {
  engine: EngineName | "auto";
  device: TrainerDevice;
}): Promise<DeviceProof> {
  const wanted = engineFor(options.device, options.engine);
  const engine = wanted === "auto" ? "compiled" : wanted;
  const workerData: ProofStart = { engine, device: options.device };
  const { promise, resolve, reject } = Promise.withResolvers<ProductTimed>();
  const worker = new Worker(new URL("./device-worker.ts", import.meta.url), { workerData });
  worker.once("message", resolve);
  worker.once("error", reject);
  worker.once("exit", (code) => reject(new Error(`the device's thread ended with code ${code}`)));
  try {
    const { device, ms } = await promise;
    return {
      engine,
      device,
      productMs: Math.round(ms * 100) / 100,
      gflops: Math.round((2 * 1.024 ** 3 * 1000) / ms),
    };
  } finally {
    await worker.terminate();
  }
}
