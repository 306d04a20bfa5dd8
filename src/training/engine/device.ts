import { Worker } from "node:worker_threads";
import { messageOf } from "../../lib/errors.ts";
import "../../lib/no-telemetry.ts";
import type { Proof, ProofStart, StepProof } from "./device-worker.ts";
import type { EngineName, TrainerDevice } from "./types.ts";

/** What the trainer computes on, shown and not only named. */
export interface DeviceProof {
  readonly engine: EngineName;
  /** For people: library, version, device. */
  readonly device: string;
  /** Milliseconds of one product of two 1024 x 1024 float32 matrices, the fastest of three. */
  readonly productMs: number;
  readonly gflops: number;
  /** On a GPU: an optimizer step there and on the processor, which agreed. */
  readonly step?: StepProof;
  /** Why the other engine was not in the choice, where there was one. */
  readonly note?: string;
}

/**
 * Multiplies two matrices in the thread and with the library that training would take, checks the product and times
 * it; on a GPU takes two optimizer steps, too, and holds them to the processor's. `auto` is the compiled engine, on a
 * GPU the one whose step is the quicker. Throws an Error that says why that device can't be had, or computes wrongly;
 * there is no falling back to another device.
 */
export async function proveDevice(options: {
  engine: EngineName | "auto";
  device: TrainerDevice;
}): Promise<DeviceProof> {
  const { engine, device } = options;
  if (device !== "gpu") return prove({ engine: engine === "auto" ? "compiled" : engine, device });
  const proofs: DeviceProof[] = [];
  const failures: string[] = [];
  for (const one of engine === "auto" ? (["compiled", "eager"] as const) : [engine]) {
    try {
      proofs.push(await prove({ engine: one, device }));
    } catch (error) {
      failures.push(`the ${one} engine: ${messageOf(error).trim()}`);
    }
  }
  const [quickest] = proofs.toSorted((a, b) => (a.step?.gpuMs ?? 0) - (b.step?.gpuMs ?? 0));
  if (!quickest)
    throw new Error(`TRAINER_DEVICE is gpu and there is none to train on: ${failures.join("; ")}`);
  return failures.length === 0 ? quickest : { ...quickest, note: failures.join("; ") };
}

async function prove(workerData: ProofStart): Promise<DeviceProof> {
  const { promise, resolve, reject } = Promise.withResolvers<Proof>();
  const worker = new Worker(new URL("./device-worker.ts", import.meta.url), { workerData });
  worker.once("message", resolve);
  worker.once("error", reject);
  worker.once("exit", (code) => reject(new Error(`the device's thread ended with code ${code}`)));
  try {
    const { ms, ...proof } = await promise;
    return {
      engine: workerData.engine,
      ...proof,
      productMs: Math.round(ms * 100) / 100,
      gflops: Math.round((2 * 1.024 ** 3 * 1000) / ms),
    };
  } finally {
    await worker.terminate();
  }
}
