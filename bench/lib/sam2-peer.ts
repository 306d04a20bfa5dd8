import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readDecoderFile } from "../../src/base-models/decoder-file.ts";
import type { NamedTensors } from "../../src/checkpoint/named-tensors.ts";
import { startPeer } from "./peer-process.ts";
import type { TimingOptions } from "./timing-options.ts";

export interface Sam2Peer {
  readonly name: string | null;
  /** Where the peer has written its model, and what it made of its cases. */
  readonly folder: string;
  /** Its decoder, imported. */
  readonly weights: NamedTensors;
  readonly ask: (line: string) => Promise<number>;
  stop(): void;
}

/** Starts peers/sam2.py, which makes the weights. Throws an Error where it can't start. */
export async function startSam2(
  what: "decode" | "train",
  { threads, python }: TimingOptions,
  more: readonly string[] = [],
): Promise<Sam2Peer> {
  const folder = mkdtempSync(join(tmpdir(), "maskwright-bench-"));
  const remove = (): void => rmSync(folder, { recursive: true });
  const peer = await startPeer("sam2.py", [what, folder, String(threads), ...more], python);
  const { ask, name, note } = peer;
  try {
    if (!ask) throw new Error(`the peer makes the weights: ${note}`);
    const path = join(folder, "model.safetensors");
    const { tensors } = await readDecoderFile({ path, basePath: path, unpackTo: join(folder, "unpacked") });
    const stop = (): void => {
      peer.stop();
      remove();
    };
    return { name, folder, weights: tensors, ask, stop };
  } catch (error) {
    peer.stop();
    remove();
    throw error;
  }
}
