import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { messageOf } from "../../lib/errors.ts";

/** What NVIDIA's driver says of the GPU, or why there is nobody to ask, for people. */
export async function gpuFacts(): Promise<string> {
  const args = ["--query-gpu=name,driver_version", "--format=csv,noheader"];
  try {
    const { stdout } = await promisify(execFile)("nvidia-smi", args, { timeout: 10_000 });
    return `nvidia-smi names ${stdout.trim().split("\n").join(" and ")}`;
  } catch (error) {
    const none = "there is no nvidia-smi: no driver, or the container was started without its GPU";
    return (error as NodeJS.ErrnoException).code === "ENOENT"
      ? none
      : `nvidia-smi fails: ${messageOf(error)}`;
  }
}
