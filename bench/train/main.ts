import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { trainableNames } from "../../src/checkpoint/layout.ts";
import type { NamedTensors } from "../../src/checkpoint/named-tensors.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { createEngine } from "../../src/training/engine/create.ts";
import type { TrainBatch } from "../../src/training/engine/types.ts";
import { noPython, pythonOf } from "../lib/options.ts";
import type { TimingOptions } from "../lib/timing-options.ts";
import { interleave, machine, printReport, type Report, type Row, timed } from "../lib/report.ts";

export async function main(options: TimingOptions): Promise<number> {
  printReport(await run(options), options.json);
  return 0;
}

/** Milliseconds a sample of one optimizer step on cached embeddings: forward, Dice + BCE, backward, clip, AdamW. */
async function run(options: TimingOptions): Promise<Report> {
  const weights = await baseModel("mobile_sam").decoderWeights();
  const peer = await startPeer(weights, options);
  const rows: Row[] = [];
  let device = "";
  try {
    for (const batchSize of [1, 4]) {
      const engine = await createEngine(
        {
          weights,
          trainable: trainableNames,
          loss: "dice_bce",
          batchSize,
          points: 2,
          weightDecay: 0.01,
          clipNorm: 1,
          threads: options.threads,
        },
        { engine: "compiled" },
      );
      device = engine.device;
      const batch = makeBatch(batchSize);
      const step = peer.step;
      const contest = {
        ours: () => timed(() => engine.step(batch, 1e-4)),
        peer: step ? () => step(batchSize) : null,
      };
      rows.push(await interleave(`batch ${batchSize}`, options.rounds, contest, batchSize));
      await engine.dispose();
    }
  } finally {
    peer.stop();
  }
  return {
    bench: "train",
    unit: "ms per sample of one optimizer step",
    ...machine(),
    threads: options.threads,
    rounds: options.rounds,
    ours: device,
    peer: peer.name,
    ...(peer.note ? { note: peer.note } : {}),
    rows,
  };
}

/** The peer's inputs are its own, of the same shapes; neither's time depends on the values. */
function makeBatch(count: number): TrainBatch {
  const random = seededRandom(1);
  const embeddings = Array.from({ length: count }, () => {
    const data = new Float32Array(new SharedArrayBuffer(4096 * 256 * 4));
    for (let i = 0; i < data.length; i++) data[i] = random.normal() * 0.1;
    return data;
  });
  const cells = count * 65_536;
  return {
    embeddings,
    coords: Float32Array.from({ length: count * 4 }, (_, i) => [200, 260, 700, 640][i % 4] ?? 0),
    labels: Float32Array.from({ length: count * 2 }, (_, i) => 2 + (i % 2)),
    targets: Float32Array.from({ length: cells }, (_, i) => (i % 256 >= 50 && i % 256 < 175 ? 1 : 0)),
    valid: new Float32Array(cells).fill(1),
  };
}

interface Peer {
  readonly name: string | null;
  readonly note?: string;
  /** One step of that batch size; the milliseconds are the peer's own measure. */
  readonly step: ((batchSize: number) => Promise<number>) | null;
  stop(): void;
}

async function startPeer(weights: NamedTensors, options: TimingOptions): Promise<Peer> {
  const python = pythonOf(options.python);
  const none = (note: string): Peer => ({ name: null, note, step: null, stop: () => undefined });
  if (python === undefined) return none(noPython);
  const folder = mkdtempSync(join(tmpdir(), "maskwright-bench-"));
  const file = join(folder, "weights.safetensors");
  writeFileSync(file, encodeSafetensors(weights));
  const script = resolve(import.meta.dirname, "../../peers/train_step.py");
  const child = spawn(python, [script, file, String(options.threads)]);
  const stop = (): void => {
    child.stdin.end();
    rmSync(folder, { recursive: true, force: true });
  };
  const next = answers(child);
  try {
    const { torch } = (await next()) as { torch: string };
    const step = async (batchSize: number): Promise<number> => {
      child.stdin.write(`${batchSize}\n`);
      return ((await next()) as { ms: number }).ms;
    };
    return { name: `PyTorch ${torch}`, step, stop };
  } catch (error) {
    stop();
    return none(`${python}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The lines of JSON that a process prints, one a call; rejects with the end of its stderr when it ends. */
function answers(child: ChildProcessWithoutNullStreams): () => Promise<unknown> {
  let errors = "";
  child.stderr.on("data", (text: Buffer) => (errors = (errors + text.toString()).slice(-400)));
  const ended = new Promise<never>((_, reject) => {
    child.on("error", reject);
    child.on("close", (code) => reject(new Error(`it ended with code ${code}: ${errors.trim()}`)));
  });
  // Nobody may be waiting when it ends as it should.
  ended.catch(() => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return async () => {
    const line = await Promise.race([lines.next(), ended]);
    if (line.done) return ended;
    return JSON.parse(line.value) as unknown;
  };
}
