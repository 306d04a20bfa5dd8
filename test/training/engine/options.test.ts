import { beforeAll, describe, expect, it } from "vitest";
import { baseModel } from "../../../src/checkpoint/base-models.ts";
import { namesOfGroup, trainableGroups, trainableNames } from "../../../src/checkpoint/layout.ts";
import { seededRandom } from "../../../src/lib/random.ts";
import { stepScalars } from "../../../src/training/engine/adamw.ts";
import { createEngine } from "../../../src/training/engine/create.ts";
import type {
  EngineName,
  EngineSpec,
  EngineState,
  PromptBatch,
  TrainBatch,
} from "../../../src/training/engine/types.ts";

const random = seededRandom(33);
const cells = 65_536;
const noise = (length: number, scale: number): Float32Array =>
  Float32Array.from({ length }, () => random.normal() * scale);

/** A box, and two clicks with a mask prompt: 3 tokens each, the box's third being absent. */
const batch: TrainBatch = {
  embeddings: [noise(4096 * 256, 0.1), noise(4096 * 256, 0.1)],
  coords: Float32Array.of(200, 220, 600, 700, 0, 0, 400, 400, 520, 470, 0, 0),
  labels: Float32Array.of(2, 3, -2, 1, 0, -1),
  masks: Float32Array.from([...new Float32Array(cells), ...noise(cells, 4)]),
  hasMask: Float32Array.of(0, 1),
  targets: Float32Array.from({ length: 2 * cells }, (_, i) => (i % 256 > 60 && i % 256 < 140 ? 1 : 0)),
  valid: Float32Array.from({ length: 2 * cells }, (_, i) => (i % cells < 220 * 256 ? 1 : 0)),
  edges: Float32Array.from({ length: 2 * cells }, (_, i) => Math.exp(-Math.abs((i % 256) - 100) / 20)),
};
const box: PromptBatch = {
  embeddings: batch.embeddings.slice(0, 1),
  coords: batch.coords.slice(0, 4),
  labels: batch.labels.slice(0, 2),
};

describe("the options of an engine", () => {
  let plain: EngineSpec;
  let everything: EngineSpec;
  beforeAll(async () => {
    plain = {
      weights: await baseModel("mobile_sam").decoderWeights(),
      trainable: trainableNames,
      loss: "dice_bce",
      batchSize: 2,
      points: 3,
      absentTokens: true,
      maskPrompts: true,
      weightDecay: 0.01,
      clipNorm: 1,
    };
    everything = {
      ...plain,
      loss: { dice: 1, bce: 0.5, boundary: 0.5, focal: 2 },
      iouLossWeight: 0.5,
      decayTo: "base",
      emaDecay: 0.9,
    };
  });
  const worst = (a: Float32Array, b: Float32Array): number =>
    a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);

  /** Bit for bit; toEqual takes a minute for so many numbers. */
  const same = (a: EngineState, b: EngineState, name: string): boolean =>
    Buffer.from(a.tensors[name]!.data.buffer).equals(Buffer.from(b.tensors[name]!.data.buffer));

  it("give the same curve and weights in both engines, all of them on", { timeout: 240_000 }, async () => {
    const run = async (engine: EngineName) => {
      const running = await createEngine(everything, { engine });
      const curve = [await running.step(batch, 1e-4), await running.step(batch, 2e-4)];
      const after = await running.predict(batch);
      const [weights, state] = [await running.weights(), await running.state()];
      await running.dispose();
      return { curve, after, weights, state };
    };
    const compiled = await run("compiled");
    const eager = await run("eager");
    compiled.curve.forEach(({ loss, gradientNorm }, i) => {
      expect(Math.abs(loss - eager.curve[i]!.loss), `loss of step ${i + 1}`).toBeLessThan(1e-3);
      expect(gradientNorm / eager.curve[i]!.gradientNorm).toBeCloseTo(1, 2);
    });
    expect(worst(compiled.after.iou, eager.after.iou)).toBeLessThan(1e-3);
    const distances = trainableNames.map((name) =>
      worst(compiled.weights[name]!.data, eager.weights[name]!.data),
    );
    expect(distances.toSorted((a, b) => a - b)[Math.floor(distances.length / 2)]).toBeLessThan(2e-4);
    expect(Object.keys(compiled.state.tensors).sort()).toEqual(Object.keys(eager.state.tensors).sort());
    const head = "mask_decoder.iou_prediction_head.layers.2.weight";
    expect(worst(compiled.weights[head]!.data, plain.weights[head]!.data)).toBeGreaterThan(0);
  });

  it("treat a shorter prompt in a longer batch as they would alone, with a mask prompt or none", async () => {
    const engine = await createEngine(plain, { engine: "compiled" });
    const both = await engine.predict(batch);
    const alone = await engine.predict(box);
    const second = await engine.predict({
      embeddings: batch.embeddings.slice(1),
      coords: batch.coords.slice(6),
      labels: batch.labels.slice(3),
      masks: batch.masks!.slice(cells),
    });
    const unmasked = await engine.predict({ ...batch, hasMask: Float32Array.of(0, 0) });
    await engine.dispose();
    expect(worst(both.logits.subarray(0, cells), alone.logits)).toBeLessThan(1e-3);
    expect(second.logits).toEqual(both.logits.slice(cells));
    expect(unmasked.logits.slice(0, cells)).toEqual(both.logits.slice(0, cells));
    expect(worst(unmasked.logits.subarray(cells), second.logits)).toBeGreaterThan(0.1);
  });

  it("train on such a batch as on its samples one by one", async () => {
    const lossOf = async (some: TrainBatch, options: Partial<EngineSpec>): Promise<number> => {
      const engine = await createEngine({ ...plain, ...options }, { engine: "compiled" });
      const { loss } = await engine.step(some, 1e-4);
      await engine.dispose();
      return loss;
    };
    const masks = (i: number) => ({
      targets: batch.targets.slice(i * cells, (i + 1) * cells),
      valid: batch.valid.slice(i * cells, (i + 1) * cells),
    });
    const first = await lossOf(
      { ...box, ...masks(0) },
      { batchSize: 1, points: 2, absentTokens: false, maskPrompts: false },
    );
    const second = await lossOf(
      {
        embeddings: batch.embeddings.slice(1),
        coords: batch.coords.slice(6),
        labels: batch.labels.slice(3),
        masks: batch.masks!.slice(cells),
        ...masks(1),
      },
      { batchSize: 1, absentTokens: false },
    );
    expect(await lossOf(batch, {})).toBeCloseTo((first + second) / 2, 4);
  });

  it("serve and keep the weights' average, and go on from a state with it bit for bit", async () => {
    const name = "mask_decoder.output_upscaling.3.bias";
    const engine = await createEngine(everything, { engine: "compiled" });
    const want = Float64Array.from(plain.weights[name]!.data);
    let middle = await engine.state();
    for (const step of [1, 2, 3]) {
      if (step === 3) middle = await engine.state();
      await engine.step(batch, 1e-3);
      const { renewal } = stepScalars(step, 1e-3, everything);
      const raw = (await engine.state()).tensors[`raw/${name}`]!.data;
      raw.forEach((w, i) => (want[i] = want[i]! + (w - want[i]!) * renewal));
      const told = (await engine.weights())[name]!.data;
      told.forEach((w, i) => expect(w).toBeCloseTo(want[i]!, 6));
      expect(worst(told, raw)).toBeGreaterThan(1e-4);
    }
    const [end, prediction] = [await engine.state(), await engine.predict(box)];
    await engine.dispose();

    const other = await createEngine(everything, { engine: "compiled" });
    await other.restore(middle);
    await other.step(batch, 1e-3);
    const resumed = await other.state();
    expect(resumed.steps).toBe(end.steps);
    expect(Object.keys(resumed.tensors)).toEqual(Object.keys(end.tensors));
    const differing = Object.keys(end.tensors).filter((key) => !same(resumed, end, key));
    expect(differing).toEqual([]);
    expect(same(middle, end, name)).toBe(false);
    expect(await other.predict(box)).toEqual(prediction);
    await other.dispose();

    // An engine without averages that starts from those weights predicts the same.
    const weights = { ...plain.weights };
    for (const key of Object.keys(end.tensors)) if (key in weights) weights[key] = end.tensors[key]!;
    const served = await createEngine({ ...plain, weights }, { engine: "compiled" });
    expect(await served.predict(box)).toEqual(prediction);
    await served.dispose();
  });

  it("decay to the start's weights, not to zero", async () => {
    // Gradients are clipped away, so that nothing but decay moves the weights: half the way at each step.
    const spec: EngineSpec = { ...plain, decayTo: "base", weightDecay: 1, clipNorm: 1e-30 };
    const engine = await createEngine(spec, { engine: "compiled" });
    const { steps, tensors } = await engine.state();
    const name = "mask_decoder.output_upscaling.1.weight";
    const { shape, data } = tensors[name]!;
    const moved = { shape, data: data.map((w) => w + 1) };
    await engine.restore({ steps, tensors: { ...tensors, [name]: moved } });
    await engine.step(batch, 0.5);
    const after = (await engine.weights())[name]!.data;
    await engine.dispose();
    after.forEach((w, i) => expect(w).toBeCloseTo(data[i]! + 0.5, 5));
  });

  it.each(trainableGroups)("train no weight outside the group %s", async (group) => {
    const engine = await createEngine({ ...plain, trainable: namesOfGroup(group) }, { engine: "compiled" });
    await engine.step(batch, 1e-3);
    const weights = await engine.weights();
    await engine.dispose();
    const moved = Object.keys(weights).filter(
      (name) => worst(weights[name]!.data, plain.weights[name]!.data) > 0,
    );
    expect(moved.filter((name) => !namesOfGroup(group).includes(name))).toEqual([]);
    expect(moved).toContain("mask_decoder.output_upscaling.3.bias");
  });

  it("refuse absent tokens and mask prompts that they were not made for", async () => {
    const engine = await createEngine({ ...plain, absentTokens: false }, { engine: "compiled" });
    await expect(engine.step(batch, 1e-4)).rejects.toThrow("absent");
    await engine.dispose();
    const without = await createEngine({ ...plain, maskPrompts: false }, { engine: "compiled" });
    await expect(without.step(batch, 1e-4)).rejects.toThrow("mask prompts");
    await without.dispose();
  });
});
