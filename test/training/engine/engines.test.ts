import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { baseModel } from "../../../src/checkpoint/base-models.ts";
import { trainableNames } from "../../../src/checkpoint/layout.ts";
import type { NamedTensors } from "../../../src/checkpoint/named-tensors.ts";
import { seededRandom } from "../../../src/lib/random.ts";
import { createEngine } from "../../../src/training/engine/create.ts";
import type { EngineName, EngineSpec, TrainBatch } from "../../../src/training/engine/types.ts";

// As trainers run it: a thread a core.
process.env["MASKWRIGHT_TEST_THREADS"] = "all";

const random = seededRandom(21);
const batchSize = 2;

/** Embeddings on shared memory, boxes, and their insides as the masks to learn; the lower rows are padding. */
function makeBatch(): TrainBatch {
  const embeddings = Array.from({ length: batchSize }, () => {
    const data = new Float32Array(new SharedArrayBuffer(4096 * 256 * 4));
    for (let i = 0; i < data.length; i++) data[i] = random.normal() * 0.1;
    return data;
  });
  const boxes = Array.from({ length: batchSize }, () => {
    const [x, y] = [100 + random.below(300), 100 + random.below(300)];
    return [x, y, x + 200 + random.below(200), y + 200 + random.below(200)] as const;
  });
  const cells = Array.from({ length: batchSize * 65536 }, (_, i) => i);
  const inside = (i: number): number => {
    const [x0, y0, x1, y1] = boxes[Math.floor(i / 65536)]!;
    const [x, y] = [(i % 256) * 4, Math.floor((i % 65536) / 256) * 4];
    return x >= x0 && x < x1 && y >= y0 && y < y1 ? 1 : 0;
  };
  return {
    embeddings,
    coords: Float32Array.from(boxes.flat()),
    labels: Float32Array.from(boxes.flatMap(() => [2, 3])),
    targets: Float32Array.from(cells, inside),
    valid: Float32Array.from(cells, (i) => (i % 65536 < 220 * 256 ? 1 : 0)),
  };
}

describe("the training engines", () => {
  let spec: EngineSpec;
  const batch = makeBatch();
  /** Its first sample, where one is enough: a step takes half as long. */
  const one: TrainBatch = {
    embeddings: batch.embeddings.slice(0, 1),
    coords: batch.coords.slice(0, 4),
    labels: batch.labels.slice(0, 2),
    targets: batch.targets.slice(0, 65_536),
    valid: batch.valid.slice(0, 65_536),
  };
  beforeAll(async () => {
    const weights = await baseModel("mobile_sam").decoderWeights();
    spec = {
      weights,
      trainable: trainableNames,
      loss: "dice_bce",
      batchSize,
      points: 2,
      weightDecay: 0.01,
      clipNorm: 1,
    };
  });

  /** Trains for a few steps with a rate that changes. */
  async function train(engine: EngineName, steps: number, of: EngineSpec = spec) {
    const running = await createEngine(of, { engine });
    try {
      const before = await running.predict(batch);
      const curve = [];
      for (let i = 0; i < steps; i++) curve.push(await running.step(batch, 1e-4 * (i + 1)));
      return {
        name: running.name,
        before,
        curve,
        after: await running.predict(batch),
        weights: await running.weights(),
      };
    } finally {
      await running.dispose();
    }
  }

  const worst = (a: Float32Array, b: Float32Array): number =>
    a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);

  it("give the same loss curve, predictions and weights", { timeout: 240_000 }, async () => {
    const compiled = await train("compiled", 2);
    const eager = await train("eager", 2);
    expect([compiled.name, eager.name]).toEqual(["compiled", "eager"]);
    compiled.curve.forEach((step, i) => {
      expect(Math.abs(step.loss - eager.curve[i]!.loss), `loss of step ${i + 1}`).toBeLessThan(1e-3);
      expect(step.gradientNorm / eager.curve[i]!.gradientNorm).toBeCloseTo(1, 2);
    });
    expect(worst(compiled.before.logits, eager.before.logits)).toBeLessThan(1e-2);
    expect(worst(compiled.before.iou, eager.before.iou)).toBeLessThan(1e-3);
    // Two steps at rates of 1 and 2e-4 move a weight by up to 3e-4; where a gradient is about zero its sign, and so
    // the first move, is a matter of rounding.
    const distances = trainableNames.map((name) =>
      worst(compiled.weights[name]!.data, eager.weights[name]!.data),
    );
    expect(Math.max(...distances)).toBeLessThan(6.5e-4);
    expect(distances.toSorted((a, b) => a - b)[Math.floor(distances.length / 2)]).toBeLessThan(1e-4);
  });

  it("learn, move the weights that are trained and the loss reaches, and no others", async () => {
    const trainable = trainableNames.filter((name) => !name.includes("layers.0.self_attn"));
    const { curve, weights, before, after } = await train("compiled", 6, { ...spec, trainable });
    expect(curve[5]!.loss).toBeLessThan(curve[0]!.loss * 0.8);
    expect(worst(before.logits, after.logits)).toBeGreaterThan(0.1);
    expect(movedNames(weights)).toEqual(
      trainable
        .filter(
          (name) => !/iou_prediction_head|hypernetworks_mlps\.[123]|token_to_image\.k_proj\.bias/.test(name),
        )
        .sort(),
    );
  });

  const movedNames = (weights: NamedTensors): string[] =>
    Object.keys(spec.weights)
      .filter((name) => worst(weights[name]!.data, spec.weights[name]!.data) > 0)
      .sort();

  it("predict any number of samples, each as it is alone", async () => {
    const engine = await createEngine(spec, { engine: "compiled" });
    const both = await engine.predict(batch);
    const second = await engine.predict({
      embeddings: [batch.embeddings[1]!],
      coords: batch.coords.slice(4),
      labels: batch.labels.slice(2),
    });
    expect(both.logits.length).toBe(2 * 65536);
    expect(second.logits).toEqual(both.logits.slice(65536));
    expect(second.iou).toEqual(both.iou.slice(1));
    await engine.dispose();
  });

  it.each(["compiled", "eager"] as const)(
    "go on bit for bit from a state: %s",
    async (name) => {
      const through = await createEngine({ ...spec, batchSize: 1 }, { engine: name });
      await through.step(one, 1e-4);
      const state = await through.state();
      const next = await through.step(one, 2e-4);
      const weights = await through.weights();
      await through.dispose();

      const resumed = await createEngine({ ...spec, batchSize: 1 }, { engine: name });
      await resumed.step(one, 3e-4);
      const { "first/mask_decoder.mask_tokens.weight": _, ...lacking } = state.tensors;
      await expect(resumed.restore({ steps: 1, tensors: lacking })).rejects.toThrow(/lacks first/);
      await resumed.restore(state);
      expect((await resumed.state()).steps).toBe(1);
      expect(await resumed.step(one, 2e-4)).toEqual(next);
      expect(await resumed.weights()).toEqual(weights);
      // The copy was one: later steps did not reach into it.
      expect(movedNames(weights).length).toBeGreaterThan(80);
      expect(state.tensors[movedNames(weights)[0]!]).not.toEqual(weights[movedNames(weights)[0]!]);
      await resumed.dispose();
    },
    240_000,
  );

  it("refuse what does not fit, and go on", async () => {
    const engine = await createEngine(spec);
    expect(engine.name).toBe("compiled");
    expect(engine.device).toContain("onnxruntime");
    const short = { ...batch, embeddings: batch.embeddings.slice(1) };
    await expect(engine.step(short, 1e-4)).rejects.toThrow(/coords|samples/);
    await expect(engine.step({ ...batch, valid: new Float32Array(3) }, 1e-4)).rejects.toThrow(
      "valid holds 3",
    );
    expect((await engine.step(batch, 1e-4)).loss).toBeGreaterThan(0);
    await engine.dispose();
    await expect(engine.step(batch, 1e-4)).rejects.toThrow("disposed");
    await engine.dispose();
  });

  it("leave no tensors behind, step after step", { timeout: 120_000 }, async () => {
    // The eager engine without its thread, so that its tensors can be counted.
    const { startEager } = await import("../../../src/training/engine/eager.ts");
    const engine = await startEager({ ...spec, batchSize: 1 });
    const held = tf.memory().numTensors;
    await engine.step(one, 1e-4);
    expect(tf.memory().numTensors).toBe(held);
    await engine.step(one, 1e-4);
    await engine.predict(one);
    expect(tf.memory().numTensors).toBe(held);
    await engine.dispose();
    expect(tf.memory().numTensors).toBe(0);
  });

  it("say why they can't start", async () => {
    const wrong = { ...spec, trainable: ["mask_decoder.no_such.weight"] };
    const failure = await createEngine(wrong, { engine: "compiled" }).catch((error: unknown) => error);
    expect((failure as Error).message).toContain("the compiled engine can't run here");
    expect(String((failure as Error).cause)).toContain("mask_decoder.no_such.weight");
  });
});
