import { execFile } from "node:child_process";
import { promisify } from "node:util";
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

/** The driver's name of the card and its own version, or null where there is no driver to ask. */
export async function cardOf(): Promise<string | null> {
  const args = ["--query-gpu=name,driver_version", "--format=csv,noheader"];
  try {
    const { stdout } = await promisify(execFile)("nvidia-smi", args, { timeout: 10_000 });
    return stdout.trim().split("\n").join(" and ");
  } catch {
    return null;
  }
}

/** The last line that says something, without onnxruntime's source paths: for a cell of the table. */
export function reasonOf(error: unknown): string {
  const text = messageOf(error instanceof Error && error.cause !== undefined ? error.cause : error);
  return text
    .replaceAll(/\S*onnxruntime_src\S+ [^\n]*?(?:was false\. |\) )/g, "")
    .replaceAll(/\s+/g, " ")
    .trim()
    .slice(0, 160);
}
