import "@tensorflow/tfjs-backend-cpu";
import "../../../src/graph/gradients.ts";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { headParts } from "../../../src/imaging/points/head.ts";
import { seededRandom } from "../../../src/lib/random.ts";
import { pointFeatureCount } from "../../../src/model/refine/point-features.ts";
import { stepScalarNames, stepScalars } from "../../../src/training/engine/adamw.ts";
import { lossGradients, recordedStepOnnx, stepState } from "../../../src/training/engine/recorded-step.ts";
import { pixelFeeds } from "../../../src/training/points/fit-head.ts";
import { headShapes, headStep, trainedParts, weightDecay } from "../../../src/training/points/head-step.ts";
import type { PointSet } from "../../../src/training/points/point-set.ts";
import { type Plain, runBytes } from "../../graph/run-onnx.ts";

const hidden = 6;
const random = seededRandom(9);
const numbers = (count: number, scale: number): Float32Array =>
  Float32Array.from({ length: count }, () => scale * random.normal());
const head = Object.fromEntries(headParts(hidden).map(([part, count]) => [part, numbers(count, 0.5)]));
const points: PointSet = {
  count: 20,
  features: numbers(20 * pointFeatureCount, 1),
  logits: numbers(20, 2),
  truths: Float32Array.from({ length: 20 }, () => random.below(2)),
  weights: Float32Array.from({ length: 20 }, () => 0.2 + random.next()),
};
const chosen = [0, 3, 4, 7, 11, 12, 18];
const shapes = headShapes(hidden) as Record<string, number[]>;

const pixels = (some: readonly number[]): Record<string, Plain> =>
  Object.fromEntries(
    Object.entries(pixelFeeds(points, some)).map(([name, { dims, data }]) => [
      name,
      { shape: dims, data: data as Float32Array },
    ]),
  );
const tensorsOf = (plain: Record<string, Plain>): Record<string, tf.Tensor> =>
  Object.fromEntries(
    Object.entries(plain).map(([name, { shape, data }]) => [name, tf.tensor(data, [...shape])]),
  );
const headPlain = (): Record<string, Plain> =>
  Object.fromEntries(
    Object.entries(head).map(([name, data]) => [name, { shape: shapes[name] as number[], data }]),
  );
const gradientsAt = (some: readonly number[]) =>
  lossGradients(headStep(hidden), tensorsOf(pixels(some)), tensorsOf(headPlain()));
const lossAt = (some: readonly number[]): number => gradientsAt(some).loss.dataSync()[0] as number;

beforeAll(async () => {
  await tf.setBackend("cpu");
});

describe("the slopes of a point head's loss", () => {
  it.each(trainedParts)("agree with finite differences in %s", (part) => {
    const slopes = gradientsAt(chosen).gradients[part]?.dataSync() as Float32Array;
    const step = 2 ** -7;
    const weights = head[part] as Float32Array;
    let [worst, largest] = [0, 0];
    for (const [i, slope] of slopes.entries()) {
      largest = Math.max(largest, Math.abs(slope));
      if (i % 5 !== 0) continue;
      const was = weights[i] as number;
      const moved = (value: number): number => {
        weights[i] = value;
        const loss = lossAt(chosen);
        weights[i] = was;
        return loss;
      };
      worst = Math.max(worst, Math.abs((moved(was + step) - moved(was - step)) / (2 * step) - slope));
    }
    expect(largest).toBeGreaterThan(1e-3);
    expect(worst / largest).toBeLessThan(0.03);
  });

  it("look at the pixels that were chosen, by their weights", () => {
    const [one, other] = [lossAt([3]), lossAt([7])];
    const [a, b] = [points.weights[3] as number, points.weights[7] as number];
    expect(lossAt([3, 7])).toBeCloseTo((a * one + b * other) / (a + b), 5);
  });

  it("are followed by the recorded step, on any number of pixels", async () => {
    const scalars = stepScalars(1, 1e-2, { weightDecay });
    const zeros = Object.fromEntries(
      trainedParts.flatMap((part) =>
        [stepState.first(part), stepState.second(part)].map((name) => [
          name,
          { shape: shapes[part] as number[], data: new Float32Array((head[part] as Float32Array).length) },
        ]),
      ),
    );
    const steps = Object.fromEntries(
      stepScalarNames.map((name) => [
        stepState.scalar(name),
        { shape: [], data: Float32Array.of(scalars[name]) },
      ]),
    );
    for (const some of [chosen, [5]]) {
      const feeds = { ...headPlain(), ...zeros, ...pixels(some), ...steps };
      const next = await runBytes(recordedStepOnnx(headStep(hidden)), feeds);
      const { loss, gradients } = gradientsAt(some);
      expect(next["loss"]?.data[0]).toBeCloseTo(loss.dataSync()[0] as number, 5);
      for (const part of trainedParts) {
        const slopes = gradients[part]?.dataSync() as Float32Array;
        const first = next[stepState.next(stepState.first(part))]?.data as Float32Array;
        expect(Math.max(...slopes.map((slope, i) => Math.abs(slope - (first[i] as number))))).toBeLessThan(
          1e-5,
        );
        // Adam's first step goes the whole rate, against the slope.
        const [before, after] = [
          head[part] as Float32Array,
          next[stepState.next(part)]?.data as Float32Array,
        ];
        for (const [i, slope] of slopes.entries())
          if (Math.abs(slope) > 1e-4)
            expect(after[i]).toBeCloseTo(
              (before[i] as number) * (1 - 1e-2 * weightDecay) - 1e-2 * Math.sign(slope),
              4,
            );
      }
    }
  });
});
