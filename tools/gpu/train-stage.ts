import { baseModel } from "../../src/checkpoint/base-models.ts";
import { trainableNames } from "../../src/checkpoint/layout.ts";
import type { NamedTensors } from "../../src/checkpoint/named-tensors.ts";
import type { EngineSpec, TrainBatch } from "../../src/training/engine/types.ts";
import type { WorkerEngine } from "../../src/training/engine/worker-protocol.ts";
import { type Judgement, relativeDistance, relativeError, type Values } from "./judge.ts";
import { type Opened, providerFor, type Stage } from "./stages.ts";

/** Optimizer steps on one batch: loss and gradient norm of each are held to the CPU's, and how the weights moved. */
export function trainStage(
  embedding: () => Promise<Float32Array>,
  { batchSize, steps }: { batchSize: number; steps: number },
): Stage {
  const open = async (way: Parameters<Stage["open"]>[0]): Promise<Opened> => {
    const weights = await baseModel("mobile_sam").decoderWeights();
    const spec: EngineSpec = {
      weights,
      trainable: trainableNames,
      loss: "dice_bce",
      batchSize,
      points: 2,
      weightDecay: 0.01,
      emaDecay: 0.9,
      clipNorm: 1,
    };
    const engine = await start(spec, way);
    const batch = boxesOn(await embedding(), batchSize);
    return {
      async first() {
        const results = [];
        for (let i = 0; i < steps; i++) results.push(await engine.step(batch, rate));
        // What is kept goes to the processor's memory and comes back.
        await engine.restore(await engine.state());
        return {
          losses: Float32Array.from(results, ({ loss }) => loss),
          norms: Float32Array.from(results, ({ gradientNorm }) => gradientNorm),
          moved: moved(weights, await engine.weights()),
          logits: (await engine.predict(batch)).logits,
        };
      },
      again: () => engine.step(batch, rate),
      close: () => engine.dispose(),
    };
  };
  return { name: `train, batch ${batchSize}`, open, judge };
}

const rate = 1e-4;

const start = async (spec: EngineSpec, way: Parameters<Stage["open"]>[0]): Promise<WorkerEngine> =>
  way === "tfjs-node-gpu"
    ? (await import("../../src/training/engine/eager.ts")).startEager(spec, "gpu")
    : (await import("../../src/training/engine/compiled.ts")).startCompiled(spec, providerFor(way));

/** What training added to the weights, all of them in one row. */
function moved(before: NamedTensors, after: NamedTensors): Float32Array {
  const size = Object.values(before).reduce((sum, { data }) => sum + data.length, 0);
  const row = new Float32Array(size);
  let at = 0;
  for (const [name, { data }] of Object.entries(before))
    for (let i = 0; i < data.length; i++, at++)
      row[at] = (after[name]?.data[i] ?? Number.NaN) - (data[i] as number);
  return row;
}

/**
 * AdamW's first steps go by a gradient's sign, which is rounding where the gradient is nothing; so the weights' way is held
 * to the CPU's by its length, and what the weights then answer by its values.
 */
function judge(cpu: Values, device: Values): Judgement {
  const empty = new Float32Array();
  const of = (name: string): number => relativeError(cpu[name] ?? empty, device[name]);
  const way = relativeDistance(cpu["moved"] ?? empty, device["moved"]);
  const error = Math.max(of("losses"), of("norms"));
  const text = (share: number): string => share.toExponential(1);
  const note = `losses ${text(of("losses"))}, gradient norms ${text(of("norms"))}, weights' way ${text(way)}, logits after ${text(of("logits"))}`;
  return { error, passes: error <= 1e-3 && way <= 0.05 && of("logits") <= 0.01, note };
}

/** Each sample a box of its own on the one embedding, and its inside as the mask to learn; the rows below 192 are padding. */
function boxesOn(embedding: Float32Array, count: number): TrainBatch {
  const boxes = Array.from({ length: count }, (_, i) => [
    170 + 90 * i,
    150 + 40 * i,
    430 + 90 * i,
    410 + 40 * i,
  ]);
  const inside = (i: number): number => {
    const [x0 = 0, y0 = 0, x1 = 0, y1 = 0] = boxes[Math.floor(i / 65_536)] ?? [];
    const [x, y] = [(i % 256) * 4, Math.floor((i % 65_536) / 256) * 4];
    return x >= x0 && x < x1 && y >= y0 && y < y1 ? 1 : 0;
  };
  const cells = count * 65_536;
  return {
    embeddings: Array.from({ length: count }, () => embedding),
    coords: Float32Array.from(boxes.flat()),
    labels: Float32Array.from({ length: 2 * count }, (_, i) => 2 + (i % 2)),
    targets: Float32Array.from({ length: cells }, (_, i) => inside(i)),
    valid: Float32Array.from({ length: cells }, (_, i) => (i % 65_536 < 192 * 256 ? 1 : 0)),
  };
}
