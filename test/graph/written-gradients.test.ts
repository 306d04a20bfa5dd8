import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { recordGraph } from "../../src/graph/record.ts";
import { gelu, normalise } from "../../src/model/written-gradients.ts";
import { runGraph, values } from "./run-onnx.ts";

describe("written gradients", () => {
  it.each([
    ["normalise", (x: tf.Tensor) => normalise(x, 1e-5)],
    ["gelu", gelu],
  ])("agree with finite differences for %s", async (_name, fn) => {
    const weights = values([3, 8], 9).data;
    const graph = recordGraph(
      ({ x }) => {
        const loss = (a: tf.Tensor): tf.Scalar => tf.sum(tf.mul(fn(a), tf.tensor(weights, [3, 8])));
        return { y: loss(x!), d: tf.grad(loss)(x!) };
      },
      [{ name: "x", shape: [3, 8] }],
    );
    const x = values([3, 8], 10);
    const at = async (i: number, step: number): Promise<number> => {
      const moved = x.data.map((v, k) => (k === i ? v + step : v));
      return (await runGraph(graph, { x: { shape: x.shape, data: moved } }))["y"]!.data[0]!;
    };
    const { d } = await runGraph(graph, { x });
    for (const i of [0, 5, 13, 23]) {
      const slope = ((await at(i, 1e-2)) - (await at(i, -1e-2))) / 2e-2;
      expect(d!.data[i]).toBeCloseTo(slope, 2);
    }
  });
});
