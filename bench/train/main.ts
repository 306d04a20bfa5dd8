import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { trainableNames } from "../../src/checkpoint/layout.ts";
import type { NamedTensors } from "../../src/checkpoint/named-tensors.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { embeddingLength, type ModelFamily } from "../../src/domain/model-family.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { createEngine } from "../../src/training/engine/create.ts";
import { boxTokens } from "../../src/training/prompts/prompts.ts";
import type { TrainBatch } from "../../src/training/engine/types.ts";
import { type PeerProcess, startPeer } from "../lib/peer-process.ts";
import type { DecoderOptions } from "../lib/base-option.ts";
import { startSam2 } from "../lib/sam2-peer.ts";
import type { TimingOptions } from "../lib/timing-options.ts";
import { interleave, machine, printReport, type Report, type Row, timed } from "../lib/report.ts";

export async function main(options: DecoderOptions): Promise<number> {
  printReport(await run(options), options.json);
  return 0;
}

/** Milliseconds a sample of one optimizer step on cached embeddings: forward, Dice + BCE, backward, clip, AdamW. */
async function run(options: DecoderOptions): Promise<Report> {
  const family = options.base === "sam2_tiny" ? "sam2" : "sam";
  const { weights, ...peer } = await (family === "sam2"
    ? startSam2("train", options)
    : startTraining(options));
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
          points: boxTokens(family),
          weightDecay: 0.01,
          clipNorm: 1,
          threads: options.threads,
        },
        { engine: "compiled" },
      );
      device = engine.device;
      const batch = makeBatch(batchSize, family);
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
    ...("note" in peer && peer.note ? { note: peer.note } : {}),
    rows,
  };
}

/** The peer's inputs are its own, of the same shapes; neither's time depends on the values. */
function makeBatch(count: number, family: ModelFamily): TrainBatch {
  const random = seededRandom(1);
  const embeddings = Array.from({ length: count }, () => {
    const data = new Float32Array(new SharedArrayBuffer(embeddingLength(family) * 4));
    for (let i = 0; i < data.length; i++) data[i] = random.normal() * 0.1;
    return data;
  });
  const cells = count * 65_536;
  return {
    embeddings,
    coords: repeated(family === "sam2" ? [200, 260, 700, 640, 0, 0] : [200, 260, 700, 640], count),
    labels: repeated(family === "sam2" ? [2, 3, -1] : [2, 3], count),
    targets: Float32Array.from({ length: cells }, (_, i) => (i % 256 >= 50 && i % 256 < 175 ? 1 : 0)),
    valid: new Float32Array(cells).fill(1),
  };
}

const repeated = (values: readonly number[], count: number): Float32Array =>
  Float32Array.from(Array.from({ length: count }, () => values).flat());

async function startTraining({
  python,
  threads,
}: TimingOptions): Promise<PeerProcess & { weights: NamedTensors }> {
  const weights = await baseModel("mobile_sam").decoderWeights();
  const folder = mkdtempSync(join(tmpdir(), "maskwright-bench-"));
  const file = join(folder, "weights.safetensors");
  writeFileSync(file, encodeSafetensors(weights));
  const peer = await startPeer("train_step.py", [file, String(threads)], python);
  // It has read them when it answers
  rmSync(folder, { recursive: true });
  return { ...peer, weights };
}
