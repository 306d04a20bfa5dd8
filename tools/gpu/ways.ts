import ort from "../../src/lib/onnxruntime.ts";
import { messageOf } from "../../src/lib/errors.ts";
import type { Provider } from "../../src/training/engine/provider.ts";

/** Ways to compute on a GPU: onnxruntime's two providers for it, and TensorFlow.js on libtensorflow, which only trains. */
export const ways = ["webgpu", "cuda", "tfjs-node-gpu"] as const;
export type Way = (typeof ways)[number];

export const wayTexts: Readonly<Record<Way, string>> = {
  webgpu: `onnxruntime-node ${ort.env.versions.node ?? ""} webgpu`,
  cuda: `onnxruntime-node ${ort.env.versions.node ?? ""} cuda`,
  "tfjs-node-gpu": "@tensorflow/tfjs-node-gpu",
};

/** What onnxruntime calls the way; null for the one that is not onnxruntime's. */
export const providerOf = (way: Way): Provider | null => (way === "tfjs-node-gpu" ? null : way);

/** What an error says, without onnxruntime's source paths and not too long for a cell of the table. */
export function reasonOf(error: unknown): string {
  const text = messageOf(error instanceof Error && error.cause !== undefined ? error.cause : error);
  return text
    .replaceAll(/\S*onnxruntime_src\S+ [^\n]*?(?:was false\. |\) )/g, "")
    .replaceAll(/\s+/g, " ")
    .trim()
    .slice(0, 160);
}
