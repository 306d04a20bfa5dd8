import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { freeSize, type Graph } from "../../src/graph/ir.ts";
import { toOnnx } from "../../src/graph/to-onnx.ts";
import { recordGraph } from "../../src/graph/record.ts";
import { decodeModel } from "../../src/lib/onnx-proto.ts";
import { gelu, normalise, normaliseScaled } from "../../src/model/written-gradients.ts";
import { runBytes, runGraph, values } from "./run-onnx.ts";

const ops = (graph: Graph): string[] => graph.nodes.map((node) => node.op);

const sizeOf = (x: tf.Tensor): number => x.shape[0] ?? 0;

describe("a free dimension", () => {
  /** Shapes of n, 2n + 3 and 6n + 9 entries, sizes and fills that follow n. */
  const graph = recordGraph(
    ({ x }) => {
      const n = sizeOf(x!);
      const padded = tf.concat([tf.tile(x!, [2, 1]), tf.ones([3, 3])], 0);
      const flat = tf.reshape(padded, [-1]);
      const moved = tf.transpose(tf.reshape(flat, [3, 2 * n + 3]));
      const last = tf.slice(padded, [2 * n, 0], [3, 3]);
      // oxlint-disable-next-line unicorn/no-array-fill-with-reference-type -- tf.fill is not an array's
      const twos = tf.fill([n, 3], 2);
      return { flat, moved, sum: tf.add(tf.sum(tf.mul(x!, twos), 0), tf.sum(last)) };
    },
    [{ name: "x", shape: ["n", 3] }],
  );

  it.each([1, 4, 29])("is right at size %i, none of those that were recorded", async (n) => {
    const x = values([n, 3]);
    const got = await runGraph(graph, { x });
    const padded = [...x.data, ...x.data, ...Array.from({ length: 9 }, () => 1)];
    expect(got["flat"]!.shape).toEqual([6 * n + 9]);
    expect(Array.from(got["flat"]!.data)).toEqual(padded);
    expect(got["moved"]!.shape).toEqual([2 * n + 3, 3]);
    expect(got["moved"]!.data[1]).toBe(padded[2 * n + 3]);
    for (const column of [0, 1, 2]) {
      const sum = x.data.reduce((total, v, i) => (i % 3 === column ? total + 2 * v : total), 0);
      expect(got["sum"]!.data[column]).toBeCloseTo(sum + 9, 4);
    }
  });

  it("stores nothing of its size", () => {
    expect(toOnnx(graph).length).toBeLessThan(4000);
  });

  it("is refused where a size is no linear function of it", () => {
    const squared = (): Graph =>
      recordGraph(
        ({ x }) => ({ y: tf.reshape(tf.matMul(x!, x!, false, true), [-1]) }),
        [{ name: "x", shape: ["n", 3] }],
      );
    expect(squared).toThrow(/linear/);
  });

  it("is refused where it changes what is computed", () => {
    const split = (): Graph =>
      recordGraph(
        ({ x }) => ({ y: sizeOf(x!) > 12 ? tf.neg(x!) : tf.abs(x!) }),
        [{ name: "x", shape: ["n"] }],
      );
    expect(split).toThrow(/other sizes/);
    const late = (): Graph =>
      recordGraph(
        ({ x }) => ({ y: sizeOf(x!) > 15 ? tf.neg(x!) : tf.abs(x!) }),
        [{ name: "x", shape: ["n"] }],
      );
    expect(late).toThrow(/at size 17/);
  });
});

describe("several free dimensions", () => {
  /** Planes of h x w pixels, h a multiple of two: entries, sizes and products of both. */
  const graph = recordGraph(
    ({ x, w }) => {
      const [height = 0, width = 0] = x!.shape;
      const flat = tf.reshape(x!, [-1]);
      const columns = tf.cumsum(tf.ones([1, width]), 1);
      const rows = tf.reshape(tf.add(x!, columns), [height / 2, 2 * width]);
      return { rows, flat, first: tf.slice(flat, [width], [(height - 2) * width]), scaled: tf.mul(x!, w!) };
    },
    [
      { name: "x", shape: [freeSize("pairs", 2), "width"] },
      { name: "w", shape: ["width"] },
    ],
  );

  it.each([
    [4, 3],
    [30, 7],
  ])("are right at %i x %i", async (height, width) => {
    const [x, w] = [values([height, width]), values([width])];
    const got = await runGraph(graph, { x, w });
    expect(got["rows"]!.shape).toEqual([height / 2, 2 * width]);
    expect(got["flat"]!.shape).toEqual([height * width]);
    expect(Array.from(got["first"]!.data)).toEqual(Array.from(x.data.slice(width, (height - 1) * width)));
    const last = (x.data.at(-1) as number) + width;
    expect(got["rows"]!.data.at(-1)).toBeCloseTo(last, 4);
    expect(got["scaled"]!.data.at(-1)).toBeCloseTo((x.data.at(-1) as number) * (w.data.at(-1) as number), 5);
  });

  it("are refused where a size has one of them squared", () => {
    const squared = (): Graph =>
      recordGraph(
        ({ x, y }) => ({
          y: tf.reshape(tf.matMul(x!, x!, false, true), [-1]),
          z: y!,
        }),
        [
          { name: "x", shape: ["n", 3] },
          { name: "y", shape: ["m"] },
        ],
      );
    expect(squared).toThrow(/linear/);
  });

  it("are four at most", () => {
    const five = ["a", "b", "c", "d", "e"].map((name) => ({ name, shape: [name] }));
    expect(() => recordGraph(({ a }) => ({ a: a! }), five)).toThrow("at most 4 dimensions");
  });
});

describe("a recorded function", () => {
  const input = [{ name: "x", shape: [2, 3] }];

  it("is told which kernel can't be recorded", () => {
    expect(() => recordGraph(({ x }) => ({ y: tf.asinh(x!) }), input)).toThrow("Asinh");
  });

  it("can't read values, nor use tensors from outside", () => {
    expect(() => recordGraph(({ x }) => ({ y: tf.scalar(x!.dataSync()[0]!) }), input)).toThrow(
      "not known yet",
    );
    let kept: tf.Tensor | undefined;
    recordGraph(({ x }) => ({ y: (kept = tf.keep(tf.neg(x!))) }), input);
    const other = { shape: [2, 3], dataId: {}, dtype: "float32" as const };
    const outside = tf.engine().makeTensorFromTensorInfo(other);
    expect(() => recordGraph(({ x }) => ({ y: tf.add(x!, outside) }), input)).toThrow(
      "outside the recorded function",
    );
    kept?.dispose();
  });

  it("leaves no tensors behind and the caller's backend in place", async () => {
    await import("@tensorflow/tfjs-backend-cpu");
    await tf.setBackend("cpu");
    const before = tf.memory().numTensors;
    recordGraph(({ x }) => ({ y: tf.grad((a: tf.Tensor) => tf.sum(tf.square(a)))(x!) }), input);
    expect(tf.memory().numTensors).toBe(before);
    expect(tf.getBackend()).toBe("cpu");
    expect(() => recordGraph(() => ({ y: tf.asinh(tf.scalar(1)) }), input)).toThrow("Asinh");
    expect(tf.getBackend()).toBe("cpu");
    expect(tf.memory().numTensors).toBe(before);
  });

  it("gives the same bytes every time, with the names it was given", () => {
    const bytes = (): Uint8Array =>
      toOnnx(
        recordGraph(
          ({ x }) => ({ same: x!, twice: tf.add(x!, x!), again: tf.add(x!, x!), seven: tf.scalar(7) }),
          input,
        ),
      );
    expect(bytes()).toEqual(bytes());
    const { graph } = decodeModel(bytes());
    expect(graph.output.map((o) => o.name)).toEqual(["same", "twice", "again", "seven"]);
    expect(graph.input.map((i) => i.name)).toEqual(["x"]);
  });

  it("may give an input, a constant, and one value under two names", async () => {
    const graph = recordGraph(
      ({ x }) => ({ same: x!, twice: tf.add(x!, x!), again: tf.add(x!, x!), seven: tf.scalar(7) }),
      input,
    );
    expect(ops(graph)).toEqual(["Add"]);
    const x = values([2, 3]);
    const got = await runBytes(toOnnx(graph), { x });
    expect(got["same"]!.data).toEqual(x.data);
    expect(got["again"]!.data).toEqual(got["twice"]!.data);
    expect(Array.from(got["seven"]!.data)).toEqual([7]);
  });
});

describe("clean-up", () => {
  const row = [
    { name: "x", shape: [2, 5, 16] },
    { name: "w", shape: [16] },
    { name: "b", shape: [16] },
  ];

  it("drops what no output needs and computes equal things once", () => {
    const graph = recordGraph(({ x }) => {
      tf.exp(x!);
      return { y: tf.mul(tf.sigmoid(x!), tf.sigmoid(x!)) };
    }, row);
    expect(ops(graph)).toEqual(["Sigmoid", "Mul"]);
  });

  it("sees LayerNorm and Gelu as one operator each", async () => {
    const graph = recordGraph(
      ({ x, w, b }) => ({ y: gelu(tf.add(tf.mul(normalise(x!, 1e-5), w!), b!)) }),
      row,
    );
    expect(ops(graph)).toEqual(["LayerNormalization", "Gelu"]);
    const [x, w, b] = [values([2, 5, 16]), values([16], 4), values([16], 5)];
    const got = await runGraph(graph, { x, w, b });
    const first = x.data.slice(0, 16);
    const mean = first.reduce((s, v) => s + v, 0) / 16;
    const variance = first.reduce((s, v) => s + (v - mean) ** 2, 0) / 16;
    const at = ((first[3]! - mean) / Math.sqrt(variance + 1e-5)) * w.data[3]! + b.data[3]!;
    // The normal distribution's share below `at`, by Simpson's rule
    const density = (t: number): number => Math.exp((-t * t) / 2) / Math.sqrt(2 * Math.PI);
    const h = at / 200;
    let share = density(0) + density(at);
    for (let i = 1; i < 200; i++) share += density(i * h) * (i % 2 === 1 ? 4 : 2);
    expect(got["y"]!.data[3]).toBeCloseTo(at * (0.5 + (share * h) / 3), 4);
  });

  it("keeps the parts of LayerNorm that a gradient wants, from the same operator", () => {
    const graph = recordGraph(
      ({ x, w }) => ({ d: tf.grad((a: tf.Tensor) => tf.sum(tf.mul(normalise(a, 1e-5), w!)))(x!) }),
      row,
    );
    const norms = graph.nodes.filter((node) => node.op === "LayerNormalization");
    expect(norms.map((node) => node.outputs.length)).toEqual([3]);
    expect(ops(graph)).not.toContain("Sqrt");
  });

  it("gives LayerNorm's deviation and its scaled values from the same operator", async () => {
    const graph = recordGraph(({ x, w, b }) => {
      const { normal, inverse } = normaliseScaled(x!, 1e-5);
      return { y: tf.add(tf.mul(normal, w!), b!), inverse };
    }, row);
    expect(ops(graph)).toEqual(["LayerNormalization"]);
    const [x, w, b] = [values([2, 5, 16]), values([16], 4), values([16], 5)];
    const got = await runGraph(graph, { x, w, b });
    const first = x.data.slice(0, 16);
    const mean = first.reduce((sum, v) => sum + v, 0) / 16;
    const variance = first.reduce((sum, v) => sum + (v - mean) ** 2, 0) / 16;
    const inverse = 1 / Math.sqrt(variance + 1e-5);
    expect(got["inverse"]!.data[0]).toBeCloseTo(inverse, 5);
    expect(got["y"]!.data[3]).toBeCloseTo((first[3]! - mean) * inverse * w.data[3]! + b.data[3]!, 5);
  });

  it("leaves a product's biases to Gelu where onnxruntime alone runs the graph", async () => {
    const layer = ({ x, w, b }: Readonly<Record<string, tf.Tensor>>) => ({
      y: gelu(tf.reshape(tf.add(tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D), b!), [6, 2, 4])),
    });
    const inputs = [
      { name: "x", shape: [6, 5] },
      { name: "w", shape: [5, 8] },
      { name: "b", shape: [8] },
    ];
    const [own, portable] = [recordGraph(layer, inputs, { onnxruntime: true }), recordGraph(layer, inputs)];
    expect(ops(own)).toEqual(["Gemm", "BiasGelu", "Reshape"]);
    expect(ops(portable)).toEqual(["Gemm", "Reshape", "Gelu"]);
    const given = { x: values([6, 5]), w: values([5, 8], 4), b: values([8], 5) };
    const [one, other] = [await runGraph(own, given), await runGraph(portable, given)];
    expect(one["y"]!.shape).toEqual([6, 2, 4]);
    for (const [i, value] of Array.from(one["y"]!.data).entries())
      expect(value).toBeCloseTo(other["y"]!.data[i]!, 5);
  });

  it("adds biases inside the product and sums gradients of biases by a product", () => {
    const inputs = [
      { name: "x", shape: [512, 32] },
      { name: "w", shape: [16, 32] },
      { name: "b", shape: [16] },
    ];
    const graph = recordGraph(({ x, w, b }) => {
      const layer = (bias: tf.Tensor): tf.Tensor =>
        tf.add(tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D, false, true), bias);
      return { y: layer(b!), d: tf.grad((bias: tf.Tensor) => tf.sum(tf.square(layer(bias))))(b!) };
    }, inputs);
    const gemms = graph.nodes.filter((node) => node.op === "Gemm");
    expect(gemms.map((node) => node.inputs.length).sort((p, q) => p - q)).toEqual([2, 3]);
    expect(ops(graph)).not.toContain("ReduceSum");
  });
});
