import "@tensorflow/tfjs-backend-cpu";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import {
  adamw,
  movingAverages,
  type ScalarTensors,
  type StepScalars,
  stepScalars,
} from "../../../src/training/engine/adamw.ts";

type Values = Record<string, number[] | number[][]>;

/** Written by peers/reference/adamw.py. */
const reference = JSON.parse(readFileSync(join(import.meta.dirname, "reference/adamw.json"), "utf8")) as {
  weight_decay: number;
  clip_norm: number;
  start: Values;
  steps: { learning_rate: number; gradients: Values; norm: number; weights: Values }[];
};

const asTensors = (numbers: StepScalars): ScalarTensors =>
  Object.fromEntries(
    Object.entries(numbers).map(([name, value]) => [name, tf.scalar(value as number)]),
  ) as unknown as ScalarTensors;

const tensors = (values: Values): Record<string, tf.Tensor> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, tf.tensor(value)]));

it("moves weights as PyTorch's AdamW after clip_grad_norm_ does, over steps with large, small and tiny gradients", async () => {
  await tf.setBackend("cpu");
  let weights: Readonly<Record<string, tf.Tensor>> = tensors(reference.start);
  const zeros = Object.fromEntries(Object.entries(weights).map(([name, w]) => [name, tf.zerosLike(w)]));
  let moments: Parameters<typeof adamw>[2] = { first: zeros, second: zeros };
  reference.steps.forEach((step, i) => {
    const options = { weightDecay: reference.weight_decay, clipNorm: reference.clip_norm };
    const scalars = asTensors(stepScalars(i + 1, step.learning_rate, options));
    const next = adamw(weights, tensors(step.gradients), moments, scalars, options);
    ({ weights, moments } = next);
    expect(next.gradientNorm.dataSync()[0]! / step.norm).toBeCloseTo(1, 5);
    for (const [name, want] of Object.entries(step.weights)) {
      const expected = tf.tensor(want).dataSync();
      weights[name]!.dataSync().forEach((value, k) => {
        expect(Math.abs(value - expected[k]!), `step ${i + 1}, ${name}[${k}]`).toBeLessThan(1e-6);
      });
    }
  });
});

it("does not clip when the norm is infinite", async () => {
  await tf.setBackend("cpu");
  const weights = { a: tf.tensor1d([1, 2]) };
  const zero = { a: tf.zeros([2]) };
  const scalars = asTensors({ decay: 1, rate: 1, epsilon: 0, pull: 0, renewal: 1 });
  const run = (clipNorm: number): number => {
    const gradients = { a: tf.tensor1d([300, 400]) };
    const { moments } = adamw(weights, gradients, { first: zero, second: zero }, scalars, {
      weightDecay: 0,
      clipNorm,
    });
    return moments.first["a"]!.dataSync()[1]!;
  };
  expect(run(Number.POSITIVE_INFINITY)).toBe(400);
  expect(run(5)).toBeCloseTo(4, 4);
});

it("decays to the base where it is told to: each step goes the same share of the way back", async () => {
  await tf.setBackend("cpu");
  const base = [0.5, -2, 3];
  const options = { weightDecay: 0.2, clipNorm: Number.POSITIVE_INFINITY, decayTo: "base" } as const;
  let weights: Readonly<Record<string, tf.Tensor>> = { a: tf.tensor1d([1, 2, 3]) };
  const still = { a: tf.zeros([3]) };
  let want = [1, 2, 3];
  for (let step = 1; step <= 3; step++) {
    const scalars = asTensors(stepScalars(step, 0.1, options));
    // Without a gradient nothing but decay moves them.
    const next = adamw(weights, still, { first: still, second: still }, scalars, options, {
      a: tf.tensor1d(base),
    });
    weights = next.weights;
    want = want.map((w, i) => w - 0.1 * 0.2 * (w - base[i]!));
    weights["a"]!.dataSync().forEach((value, i) => expect(value).toBeCloseTo(want[i]!, 5));
  }
  expect(() =>
    adamw(weights, still, { first: still, second: still }, asTensors(stepScalars(1, 0.1, options)), options),
  ).toThrow("base");
});

it("averages weights exponentially, the first ones fast", async () => {
  await tf.setBackend("cpu");
  let averages: Readonly<Record<string, tf.Tensor>> = { a: tf.tensor1d([0, 10]) };
  const want = [0, 10];
  for (let step = 1; step <= 40; step++) {
    const weights = [step, 10 - step];
    const { renewal } = stepScalars(step, 1e-3, { weightDecay: 0, emaDecay: 0.8 });
    averages = movingAverages(averages, { a: tf.tensor1d(weights), b: tf.scalar(1) }, tf.scalar(renewal));
    // 2 / 11, 3 / 12, ... until 0.8
    const decay = Math.min(0.8, (1 + step) / (10 + step));
    weights.forEach((w, i) => (want[i] = decay * want[i]! + (1 - decay) * w));
    averages["a"]!.dataSync().forEach((value, i) => expect(value).toBeCloseTo(want[i]!, 4));
  }
  expect(Object.keys(averages)).toEqual(["a"]);
});
