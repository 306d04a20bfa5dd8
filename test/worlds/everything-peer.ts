import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import type { EverythingSettings } from "../../src/domain/everything.ts";

/** A mask as Meta's generator gives it: boxes are [x, y, width, height] of the last pixels. */
export interface PeerMask {
  readonly size: [number, number];
  readonly counts: string;
  readonly score: number;
  readonly stability: number;
  readonly bbox: readonly number[];
  readonly area: number;
  readonly point: readonly number[];
  readonly crop: readonly number[];
}

export interface PeerAnswer {
  /** Milliseconds of generate(), image reading aside. */
  readonly ms: number;
  readonly masks: readonly PeerMask[];
}

export interface Peer {
  readonly name: string;
  readonly generate: (image: string, settings: Partial<EverythingSettings>) => Promise<PeerAnswer>;
  stop(): Promise<void>;
}

export interface PeerOptions {
  readonly python: string;
  readonly threads: number;
  /** A checkout of facebookresearch/segment-anything; left out, the package that Python imports. */
  readonly meta: string | undefined;
}

/** Starts peers/everything.py on MobileSAM. Throws an Error with what Python printed when it does not start. */
export async function startPeer(options: PeerOptions): Promise<Peer> {
  const model = baseModel("mobile_sam");
  const folder = await mkdtemp(join(tmpdir(), "maskwright-everything-"));
  const weights = join(folder, "weights.safetensors");
  await writeFile(weights, encodeSafetensors(await model.decoderWeights()));
  const script = resolve(import.meta.dirname, "../../peers/everything.py");
  const meta = options.meta === undefined ? [] : [resolve(options.meta)];
  const args = [script, await model.encoderPath(), weights, String(options.threads), ...meta];
  // Its stdin is a pipe of ours, and it ends when that is closed: with us, whatever ended us.
  const child = spawn(options.python, args);
  const lines = linesOf(child);
  const stop = async (): Promise<void> => {
    child.kill();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const versions = JSON.parse(await lines()) as Record<string, string>;
    const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
    return {
      name: `Meta's SamAutomaticMaskGenerator (${named.join(", ")})`,
      generate: async (image, settings) => {
        child.stdin.write(`${JSON.stringify({ image: resolve(image), settings: toMeta(settings) })}\n`);
        return JSON.parse(await lines()) as PeerAnswer;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** pointsPerSide to points_per_side: the names are Meta's. */
const toMeta = (settings: Partial<EverythingSettings>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  );

/** One line of what the child prints at a time. */
function linesOf(child: ChildProcessWithoutNullStreams): () => Promise<string> {
  let complaint = "";
  child.stderr.on("data", (text: Buffer) => (complaint = (complaint + text.toString()).slice(-4000)));
  child.on("error", (error) => (complaint += error.message));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return async () => {
    const next = await lines.next();
    if (next.done === true) throw new Error(`the Python peer ended: ${complaint}`);
    return next.value;
  };
}
