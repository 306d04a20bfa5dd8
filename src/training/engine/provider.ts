import type { InferenceSession } from "../../lib/onnxruntime.ts";
import type { TrainerDevice } from "./types.ts";

/**
 * What onnxruntime computes a graph with: its processor kernels, the WebGPU provider inside its npm package, or the CUDA
 * provider, which is a download of its own and which only `npm run gpu:check` asks for.
 */
export type Provider = "cpu" | "webgpu" | "cuda";

/**
 * Options of a session for a provider. `resident`: outputs that stay in the GPU's memory, as inputs of the next run.
 * Creating a session throws where the provider finds no device; a node that the provider lacks runs on the processor.
 */
export const providerOptions = (
  provider: Provider,
  resident: readonly string[] = [],
): InferenceSession.SessionOptions => ({
  executionProviders: [provider],
  ...(provider === "webgpu" && resident.length > 0
    ? { preferredOutputLocation: Object.fromEntries(resident.map((name) => [name, "gpu-buffer"])) }
    : {}),
});

/** The provider that the compiled engine takes for a device: docs/gpu.md tells which of them was seen to run. */
export const providerOn = (device: TrainerDevice): Provider => (device === "gpu" ? "webgpu" : "cpu");
