import { familyOfDecoder } from "../../checkpoint/decoder-layouts.ts";
import { trainableNames } from "../../checkpoint/layout.ts";
import type { NamedTensors } from "../../checkpoint/named-tensors.ts";
import { embeddingLength, type ModelFamily } from "../../domain/model-family.ts";
import { maskSize } from "../engine/batches.ts";
import type { EngineSpec, TrainBatch } from "../engine/types.ts";
import type { Speed, TrainingServices } from "../run.ts";
import { costs } from "../search/costs.ts";

const batchSize = 4;
/** Steps that are timed; one before them also allocates. */
const timed = 2;

const known = new WeakMap<TrainingServices["createEngine"], Map<ModelFamily, Promise<Speed>>>();

/**
 * Times a few steps on made-up data, once a process and family: three to five seconds on two cores. Nothing that a training makes
 * depends on it; it tells how long one will take. A speed that the services know is taken as it is. Throws an Error where no engine can run.
 */
export async function measuredSpeed(
  { createEngine, engine, speed }: Pick<TrainingServices, "createEngine" | "engine" | "speed">,
  weights: NamedTensors,
): Promise<Speed> {
  if (speed) return speed;
  const family = familyOfDecoder(weights);
  const ofFamily = known.get(createEngine) ?? new Map<ModelFamily, Promise<Speed>>();
  known.set(createEngine, ofFamily);
  let timing = ofFamily.get(family);
  if (!timing) {
    timing = measure({ createEngine, engine }, weights);
    ofFamily.set(family, timing);
    timing.catch(() => ofFamily.delete(family));
  }
  return timing;
}

async function measure(
  { createEngine, engine }: Pick<TrainingServices, "createEngine" | "engine">,
  weights: NamedTensors,
): Promise<Speed> {
  const spec: EngineSpec = {
    weights,
    trainable: trainableNames,
    loss: "dice_bce",
    batchSize,
    points: 2,
    weightDecay: 0.01,
    clipNorm: 1,
  };
  const running = await createEngine(spec, { engine });
  try {
    const batch = madeUp(familyOfDecoder(weights));
    let fastest = Number.POSITIVE_INFINITY;
    for (let step = 0; step <= timed; step++) {
      const began = performance.now();
      await running.step(batch, 1e-4);
      if (step > 0) fastest = Math.min(fastest, performance.now() - began);
    }
    const trainMs = fastest / batchSize;
    return { trainMs, slowness: trainMs / 1000 / costs.train };
  } finally {
    await running.dispose();
  }
}

/** A box on each of four embeddings that are the same everywhere; what is learnt is thrown away. */
const madeUp = (family: ModelFamily): TrainBatch => ({
  embeddings: Array.from({ length: batchSize }, () => new Float32Array(embeddingLength(family)).fill(0.1)),
  coords: Float32Array.from({ length: batchSize * 4 }, (_, i) => [200, 200, 700, 700][i % 4] as number),
  labels: Float32Array.from({ length: batchSize * 2 }, (_, i) => 2 + (i % 2)),
  targets: new Float32Array(batchSize * maskSize).fill(0.5),
  valid: new Float32Array(batchSize * maskSize).fill(1),
});
