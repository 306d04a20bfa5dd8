import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { trainableNames } from "../../src/checkpoint/layout.ts";
import type { NamedTensors } from "../../src/checkpoint/named-tensors.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { createEngine } from "../../src/training/engine/create.ts";
import type { TrainBatch } from "../../src/training/engine/types.ts";
import { type PeerProcess, startPeer } from "../lib/peer-process.ts";
import type { TimingOptions } from "../lib/timing-options.ts";
import { interleave, machine, printReport, type Report, type Row, timed } from "../lib/report.ts";

export async function main(options: TimingOptions): Promise<number> {
  printReport(await run(options), options.json);
  return 0;
}

/** Milliseconds a sample of one optimizer step on cached embeddings: forward, Dice + BCE, backward, clip, AdamW. */
async function run(options: TimingOptions): Promise<Report> {
  const weights = await baseModel("mobile_sam").decoderWeights();
  const peer = await startTraining(weights, options);
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
      const { ask } = peer;
      const contest = {
        ours: () => timed(() => engine.step(batch, 1e-4)),
        peer: ask ? () => ask(String(batchSize)) : null,
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

async function startTraining(
  weights: NamedTensors,
  { python, threads }: TimingOptions,
): Promise<PeerProcess> {
  const folder = mkdtempSync(join(tmpdir(), "maskwright-bench-"));
  const file = join(folder, "weights.safetensors");
  writeFileSync(file, encodeSafetensors(weights));
  const peer = await startPeer("train_step.py", [file, String(threads)], python);
  // It has read them when it answers
  rmSync(folder, { recursive: true });
  return peer;
}
