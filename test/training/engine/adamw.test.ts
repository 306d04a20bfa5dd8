import "@tensorflow/tfjs-backend-cpu";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { adamw, stepScalars } from "../../../src/training/adamw.ts";

type Values = Record<string, number[] | number[][]>;

/** Written by scripts/reference/adamw.py. */
const reference = JSON.parse(readFileSync(join(import.meta.dirname, "reference/adamw.json"), "utf8")) as {
  weight_decay: number;
  clip_norm: number;
  start: Values;
  steps: { learning_rate: number; gradients: Values; norm: number; weights: Values }[];
};

const tensors = (values: Values): Record<string, tf.Tensor> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, tf.tensor(value)]));

it("moves weights as PyTorch's AdamW after clip_grad_norm_ does, over steps with large, small and tiny gradients", async () => {
  await tf.setBackend("cpu");
  let weights: Readonly<Record<string, tf.Tensor>> = tensors(reference.start);
  const zeros = Object.fromEntries(Object.entries(weights).map(([name, w]) => [name, tf.zerosLike(w)]));
  let moments: Parameters<typeof adamw>[2] = { first: zeros, second: zeros };
  reference.steps.forEach((step, i) => {
    const numbers = stepScalars(i + 1, step.learning_rate, reference.weight_decay);
    const scalars = {
      decay: tf.scalar(numbers.decay),
      rate: tf.scalar(numbers.rate),
      epsilon: tf.scalar(numbers.epsilon),
    };
    const options = { weightDecay: reference.weight_decay, clipNorm: reference.clip_norm };
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
  const scalars = { decay: tf.scalar(1), rate: tf.scalar(1), epsilon: tf.scalar(0) };
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
