import { beforeAll, describe, expect, it } from "vitest";
import { baseModel } from "../../../src/checkpoint/base-models.ts";
import type { NamedTensors } from "../../../src/checkpoint/named-tensors.ts";
import { type Hyperparameters, parseHyperparameters } from "../../../src/domain/hyperparameters.ts";
import { seededRandom } from "../../../src/lib/random.ts";
import { engineSpecOf } from "../../../src/training/engine/engine-options.ts";
import { createEngine } from "../../../src/training/engine/create.ts";
import { train } from "../../../src/training/loop/loop.ts";
import { resolveRecipe } from "../../../src/training/loop/recipe.ts";
import { samplesOf } from "../../../src/training/data/samples.ts";
import { row, snapshotOf } from "../fixtures.ts";

const snapshot = snapshotOf([
  row("a"),
  row("b", { box: [30, 10, 60, 44] }),
  row("c", { box: [4, 20, 30, 40] }),
  row("d", { box: [20, 4, 44, 20] }),
]);
const samples = samplesOf(snapshot, snapshot.images);
const random = seededRandom(12);
const embedding = Float32Array.from({ length: 4096 * 256 }, () => random.normal() * 0.1);

describe("a training run", () => {
  let weights: NamedTensors;
  beforeAll(async () => {
    weights = await baseModel("mobile_sam").decoderWeights();
  });

  async function run(asked: Hyperparameters) {
    const recipe = resolveRecipe(parseHyperparameters(asked), { trainSamples: 3, startIou: 0.2 });
    const engine = await createEngine(engineSpecOf(recipe, weights), { engine: "compiled" });
    const result = await train({
      engine,
      recipe,
      seed: 7,
      train: samples.slice(0, 3),
      selection: samples.slice(3),
      embeddingOf: () => Promise.resolve(embedding),
      signal: new AbortController().signal,
      stopRequested: () => false,
      onEpoch: () => Promise.resolve(),
      onState: () => Promise.resolve(),
      onSamples: () => Promise.resolve(),
    });
    const last = await engine.weights();
    await engine.dispose();
    return {
      losses: result.curve.map(({ trainLoss }) => trainLoss),
      last,
      rates: result.curve.map((e) => e.learningRate),
    };
  }
  const bytes = (of: NamedTensors): Buffer[] => Object.values(of).map(({ data }) => Buffer.from(data.buffer));

  it("with mixed prompts, a summed objective and averages is the same bit for bit each time", async () => {
    const asked: Hyperparameters = {
      epochs: 2,
      prompts: "mixed",
      loss: { dice: 1, bce: 1, boundary: 0.5 },
      iou_loss_weight: 0.1,
      decay_to: "base",
      ema_decay: 0.9,
    };
    const [first, second] = [await run(asked), await run(asked)];
    expect(second.losses).toEqual(first.losses);
    expect(bytes(second.last).every((data, i) => data.equals(bytes(first.last)[i]!))).toBe(true);
    expect(first.losses.slice(1).every((loss) => loss! > 0)).toBe(true);
  });

  it("goes by the tutorial's recipe where it is asked to", async () => {
    const { losses, last, rates } = await run({ recipe: "tutorial", epochs: 1 });
    // Its loss is bounded by 1, Dice and cross-entropy of this start are not.
    expect(losses[1]).toBeGreaterThan(0);
    expect(losses[1]).toBeLessThan(1);
    expect(rates).toEqual([0, 1e-3]);
    const name = "mask_decoder.output_upscaling.3.bias";
    expect(last[name]!.data).not.toEqual(weights[name]!.data);
  });
});
