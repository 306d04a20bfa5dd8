import { createRequire } from "node:module";
import { dirname, join, sep } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { messageOf } from "../../lib/errors.ts";
import { registerMissingWasmKernels } from "./wasm-kernels.ts";

/** Optional peers, the fastest first; both register the backend `tensorflow`. */
const native = ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"];

/**
 * Makes the best tfjs backend of this machine the current one: tfjs-node-gpu, else tfjs-node, else wasm.
 * Returns what it is, for people. Throws an Error that says why none of them starts.
 */
export async function useBestBackend(): Promise<string> {
  const failures: string[] = [];
  for (const name of native) {
    try {
      // A name that is not written out, so that nobody needs the optional package to compile.
      await import(name);
      if (await tf.setBackend("tensorflow")) return `${name} ${versionOf(name)}`;
      failures.push(`${name}: its backend does not start`);
    } catch (error) {
      failures.push(`${name}: ${messageOf(error)}`);
    }
  }
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

function versionOf(name: string): string {
  const { version } = createRequire(import.meta.url)(`${name}/package.json`) as { version: string };
  return version;
}
