import { createRequire } from "node:module";
import { dirname, join, sep } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { messageOf } from "../../lib/errors.ts";
import { gpuFacts } from "./gpu-facts.ts";
import type { TrainerDevice } from "./types.ts";
import { registerMissingWasmKernels } from "./wasm-kernels.ts";

const gpuPackage = "@tensorflow/tfjs-node-gpu";
/** Optional peers, the fastest first; both register the backend `tensorflow`. */
const native: Record<TrainerDevice, readonly string[]> = {
  auto: [gpuPackage, "@tensorflow/tfjs-node"],
  cpu: ["@tensorflow/tfjs-node"],
  gpu: [gpuPackage],
};

/**
 * Makes the best tfjs backend of this machine the current one: tfjs-node-gpu, else tfjs-node, else wasm; on `cpu`
 * without the first, on `gpu` the first on a real GPU or none. Returns what it is, for people. Throws an Error that
 * says why none of them starts.
 */
export async function useBestBackend(device: TrainerDevice = "auto"): Promise<string> {
  const failures: string[] = [];
  for (const name of native[device]) {
    try {
      // A name that is not written out, so that nobody needs the optional package to compile.
      await import(name);
      if (!(await tf.setBackend("tensorflow"))) failures.push(`${name}: its backend does not start`);
      else if (name !== gpuPackage) return `${name} ${versionOf(name)}`;
      else if (onGpu()) return `${name} ${versionOf(name)} on a GPU (${await gpuFacts()})`;
      // Its library computes on the processor then, without a word.
      else if (device === "auto") return `${name} ${versionOf(name)} WITHOUT a GPU (${await gpuFacts()})`;
      else
        failures.push(
          `${name} sees no GPU: ${await gpuFacts()}; libtensorflow 2.9 wants CUDA 11 with cuDNN 8`,
        );
    } catch (error) {
      failures.push(`${name}: ${messageOf(error)}`);
    }
  }
  if (device === "gpu") throw new Error(`TensorFlow.js has no GPU to train on: ${failures.join("; ")}`);
  try {
    const wasm = await import("@tensorflow/tfjs-backend-wasm");
    const folder = dirname(createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm"));
    wasm.setWasmPaths(join(folder, sep));
    registerMissingWasmKernels();
    if (await tf.setBackend("wasm")) return `tfjs wasm ${versionOf("@tensorflow/tfjs-backend-wasm")}`;
    failures.push("wasm: its backend does not start");
  } catch (error) {
    failures.push(`wasm: ${messageOf(error)}`);
  }
  throw new Error(`no tfjs backend can train here: ${failures.join("; ")}`);
}

/** What libtensorflow itself says it found. */
const onGpu = (): boolean => (tf.backend() as { isUsingGpuDevice?: boolean }).isUsingGpuDevice === true;

function versionOf(name: string): string {
  const { version } = createRequire(import.meta.url)(`${name}/package.json`) as { version: string };
  return version;
}
