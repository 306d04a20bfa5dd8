import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { recordedKernels } from "../../src/graph/kernels/register.ts";
import { type RecordedFunction, recordGraph } from "../../src/graph/record.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { type Plain, runGraph } from "./run-onnx.ts";

type Op = (...tensors: tf.Tensor[]) => tf.Tensor;
interface Case {
  readonly op: Op;
  readonly shapes: readonly (readonly number[])[];
  /** Whether the op has a gradient in tfjs that is checked too. */
  readonly gradient: boolean;
  /** Values are drawn from here on upwards. */
  readonly from: number;
}

const of = (op: Op, ...shapes: number[][]): Case => ({ op, shapes, gradient: true, from: -2 });
const positive = (op: Op, ...shapes: number[][]): Case => ({ ...of(op, ...shapes), from: 0.5 });
const flat = (op: Op, ...shapes: number[][]): Case => ({ ...of(op, ...shapes), gradient: false });
const as = (tensor: tf.Tensor): tf.Tensor => tf.cast(tensor, "float32");
const x3 = [2, 3, 4];
const noEdges = [
  [0, 0],
  [0, 0],
];
const planes = [3, 6, 8, 1];
const as4d = (x: tf.Tensor): tf.Tensor4D => x as tf.Tensor4D;

const cases: Record<string, Case> = {
  abs: of((x) => tf.abs(x), x3),
  add: of((a, b) => tf.add(a, b), x3, [3, 1]),
  addN: of((a, b, c) => tf.addN([a, b, c]), x3, x3, x3),
  all: flat((x) => as(tf.all(tf.greater(x, -1), 1)), x3),
  any: flat((x) => as(tf.any(tf.greater(x, 1), [0, 2], true)), x3),
  argMax: flat((x) => as(tf.argMax(x, 1)), x3),
  argMin: flat((x) => as(tf.argMin(x, -1)), x3),
  "avgPool, the edges left out of the mean": flat((x) => tf.avgPool(as4d(x), [3, 5], 1, "same"), planes),
  "avgPool of cells": flat((x) => tf.avgPool(as4d(x), 2, 2, "valid"), planes),
  batchToSpace: of((x) => tf.batchToSpaceND(as4d(x), [2, 2], noEdges), [12, 2, 3, 1]),
  broadcastTo: of((x) => tf.broadcastTo(x, [2, 3, 4]), [3, 1]),
  "cast to int": flat((x) => as(tf.cast(x, "int32")), x3),
  "cast to the same type": of((x) => tf.mul(tf.cast(x, "float32"), x), x3),
  ceil: flat((x) => tf.ceil(x), x3),
  clipByValue: of((x) => tf.clipByValue(x, -1, 1.5), x3),
  clone: of((x) => tf.mul(tf.clone(x), x), x3),
  concat: of((a, b) => tf.concat([a, b], 1), x3, [2, 5, 4]),
  "conv2d, channels first": flat(
    (x, w) => tf.conv2d(as4d(x), as4d(w), 2, 1, "NCHW"),
    [1, 3, 8, 6],
    [3, 3, 3, 5],
  ),
  "conv2d, channels last": flat((x, w) => tf.conv2d(as4d(x), as4d(w), 1, "same"), [2, 5, 4, 3], [3, 2, 3, 4]),
  cos: of((x) => tf.cos(x), x3),
  cumsum: flat((x) => tf.cumsum(x, 1, true, true), x3),
  depthwiseConv2d: flat((x, w) => tf.depthwiseConv2d(as4d(x), as4d(w), 2, 1), [1, 6, 8, 3], [3, 3, 3, 1]),
  div: of((a, b) => tf.div(a, tf.add(tf.abs(b), 1)), x3, [4]),
  equal: flat((x) => as(tf.equal(tf.round(x), 1)), x3),
  erf: of((x) => tf.erf(x), x3),
  exp: of((x) => tf.exp(x), x3),
  expandDims: of((x) => tf.expandDims(x, -1), x3),
  expm1: of((x) => tf.expm1(x), x3),
  // oxlint-disable-next-line unicorn/no-array-fill-with-reference-type -- tf.fill is not an array's
  fill: of((x) => tf.add(x, tf.fill([2, 3, 40], 1.5)), [3, 1]),
  floor: flat((x) => tf.floor(x), x3),
  gather: of((x) => tf.gather(x, tf.tensor1d([2, 0, 2], "int32"), 1), x3),
  "gather of numbers": of((x) => tf.gather(x, tf.tensor1d([3, 0, 3, 1], "int32"), -1), x3),
  "gather of rows": of(
    (x) =>
      tf.gather(
        x,
        tf.tensor2d(
          [
            [2, 0],
            [1, 1],
          ],
          [2, 2],
          "int32",
        ),
      ),
    [3, 4],
  ),
  greaterEqual: flat((a, b) => as(tf.greaterEqual(a, b)), x3, [4]),
  leakyRelu: of((x) => tf.leakyRelu(x, 0.3), x3),
  less: flat((a, b) => as(tf.less(a, b)), x3, [4]),
  lessEqual: flat((a, b) => as(tf.lessEqual(a, b)), x3, x3),
  log: positive((x) => tf.log(x), x3),
  log1p: positive((x) => tf.log1p(x), x3),
  logSoftmax: of((x) => tf.logSoftmax(x), x3),
  "logical and, or, not": flat(
    (a, b) => as(tf.logicalAnd(tf.logicalOr(tf.greater(a, 0), tf.less(b, 0)), tf.logicalNot(tf.less(a, b)))),
    x3,
    x3,
  ),
  matMul: of((a, b) => tf.matMul(a, b), [3, 4], [4, 5]),
  "matMul, both transposed": of((a, b) => tf.matMul(a, b, true, true), [4, 3], [5, 4]),
  "matMul of one matrix in a stack": of((a, b) => tf.matMul(a, b, false, true), [1, 3, 4], [1, 5, 4]),
  "matMul of stacks": of((a, b) => tf.matMul(a, b), [2, 3, 4], [2, 4, 5]),
  "matMul of stacks, a transposed": of((a, b) => tf.matMul(a, b, true, false), [2, 3, 4, 3], [2, 3, 4, 5]),
  "matMul of stacks, b transposed": of((a, b) => tf.matMul(a, b, false, true), [2, 3, 4], [2, 5, 4]),
  max: of((x) => tf.max(x, 1), x3),
  maxPool: flat((x) => tf.maxPool(as4d(x), 3, 1, "same"), planes),
  maximum: of((a, b) => tf.maximum(a, b), x3, x3),
  mean: of((x) => tf.mean(x, [0, 2]), x3),
  "mean of all": of((x) => tf.mean(x), x3),
  min: of((x) => tf.min(x, [0, 1], true), x3),
  minimum: of((a, b) => tf.minimum(a, b), x3, x3),
  moments: of((x) => tf.moments(x, -1, true).variance, x3),
  mul: of((a, b) => tf.mul(a, b), x3, [2, 1, 4]),
  neg: of((x) => tf.neg(x), x3),
  notEqual: flat((x) => as(tf.notEqual(tf.round(x), 1)), x3),
  oneHot: flat((x) => as(tf.oneHot(tf.cast(tf.abs(x), "int32"), 3, 2, -1)), [5]),
  onesLike: of((x) => tf.mul(tf.onesLike(x), x), [5, 16]),
  pad: of(
    (x) =>
      tf.pad(
        x,
        [
          [1, 0],
          [0, 2],
          [3, 1],
        ],
        0.25,
      ),
    x3,
  ),
  pow: positive((a, b) => tf.pow(a, b), x3, x3),
  prod: flat((x) => tf.prod(x, 1), x3),
  range: of((x) => tf.mul(x, tf.range(1, 9, 2)), x3),
  reciprocal: positive((x) => tf.reciprocal(x), x3),
  relu: of((x) => tf.relu(x), x3),
  reshape: of((x) => tf.reshape(x, [4, -1]), x3),
  resizeBilinear: flat((x) => tf.image.resizeBilinear(as4d(x), [9, 20], false, true), planes),
  "reshape to the same shape": of((x) => tf.mul(tf.reshape(x, x3), x), x3),
  reverse: of((x) => tf.reverse(x, [0, 2]), x3),
  round: flat((x) => tf.round(x), x3),
  rsqrt: positive((x) => tf.rsqrt(x), x3),
  scatterND: flat((x) => tf.scatterND(tf.tensor2d([[4], [0], [2]], [3, 1], "int32"), x, [6]), [3]),
  sigmoid: of((x) => tf.sigmoid(x), x3),
  sign: flat((x) => tf.sign(x), x3),
  sin: of((x) => tf.sin(x), x3),
  slice: of((x) => tf.slice(x, [0, 1, 1], [-1, 2, 2]), x3),
  "slice of everything": of((x) => tf.mul(tf.slice(x, [0, 0, 0], x3 as [number, number, number]), x), x3),
  softmax: of((x) => tf.softmax(x), x3),
  softplus: of((x) => tf.softplus(x), x3),
  spaceToBatch: of((x) => tf.spaceToBatchND(as4d(x), [2, 2], noEdges), planes),
  split: of((x) => tf.split(x, [1, 2], 1)[1]!, x3),
  sqrt: positive((x) => tf.sqrt(x), x3),
  square: of((x) => tf.square(x), x3),
  squaredDifference: of((a, b) => tf.squaredDifference(a, b), x3, x3),
  stack: of((a, b) => tf.stack([a, b], 1), x3, x3),
  step: flat((x) => tf.step(x), x3),
  "step with a slope": flat((x) => tf.step(x, 0.25), x3),
  sub: of((a, b) => tf.sub(a, b), [4], x3),
  sum: of((x) => tf.sum(x, [1], true), x3),
  "sum of booleans": flat((x) => as(tf.sum(tf.greater(x, 0), 0)), x3),
  tanh: of((x) => tf.tanh(x), x3),
  tile: of((x) => tf.tile(x, [1, 2, 3]), x3),
  "tile of single rows": of((x) => tf.tile(x, [5, 1, 1]), [1, 3, 4]),
  transpose: of((x) => tf.transpose(x, [2, 0, 1]), x3),
  unsortedSegmentSum: flat((x) => tf.unsortedSegmentSum(x, tf.tensor1d([1, 0, 1], "int32"), 3), [3, 4]),
  unstack: of((x) => tf.unstack(x, 1)[2]!, x3),
  where: of((a, b) => tf.where(tf.tensor1d([1, 0, 0, 1], "bool"), a, b), x3, x3),
  zerosLike: of((x) => tf.sub(tf.zerosLike(x), x), [5, 16]),
};

const inputName = (i: number): string => `x${i}`;

/** The op's result, and the gradients of a weighted sum of it. */
const toFunction =
  ({ op, gradient, shapes }: Case): RecordedFunction =>
  (inputs) => {
    const tensors = shapes.map((_, i) => inputs[inputName(i)]!);
    if (!gradient) return { y: op(...tensors) };
    // Weights that differ by place, so that a gradient in the wrong place is seen.
    const loss = (...xs: tf.Tensor[]): tf.Scalar => {
      const y = op(...xs);
      const weights = Float32Array.from({ length: y.size }, (_, i) => ((i * 7) % 11) / 11 - 0.4);
      return tf.sum(tf.mul(y, tf.tensor(weights, y.shape)));
    };
    const gradients = tf.grads(loss)(tensors);
    return { y: op(...tensors), ...Object.fromEntries(gradients.map((g, i) => [`d${i}`, g])) };
  };

const recorded = new Set<string>();

describe("recorded kernels give what tfjs's cpu backend gives, gradients included", () => {
  beforeAll(async () => {
    await tf.setBackend("cpu");
  });

  it.each(Object.entries(cases))("%s", async (_name, testCase) => {
    const random = seededRandom(7);
    const feeds: Record<string, Plain> = {};
    testCase.shapes.forEach((shape, i) => {
      const data = Float32Array.from(
        { length: tf.util.sizeFromShape([...shape]) },
        () => testCase.from + random.next() * 4,
      );
      feeds[inputName(i)] = { shape, data };
    });
    const fn = toFunction(testCase);
    const inputs = testCase.shapes.map((shape, i) => ({ name: inputName(i), shape }));
    const got = await runGraph(recordGraph(fn, inputs), feeds);

    const want: Record<string, tf.Tensor> = {};
    const profile = await tf.profile(() => {
      const tensors = Object.entries(feeds).map(([name, { shape, data }]) => [
        name,
        tf.tensor(data, [...shape]),
      ]);
      Object.assign(want, fn(Object.fromEntries(tensors) as Record<string, tf.Tensor>));
      return Object.values(want);
    });
    profile.kernelNames.forEach((name) => recorded.add(name));
    for (const [name, tensor] of Object.entries(want)) {
      expect(got[name]!.shape, name).toEqual(tensor.shape);
      const values = tensor.dataSync();
      const worst = Math.max(
        ...got[name]!.data.map((v, i) => Math.abs(v - values[i]!) / (1 + Math.abs(values[i]!))),
      );
      expect(worst, `${name}: ${got[name]!.data.join()} and ${values.join()}`).toBeLessThan(1e-5);
    }
  });

  it("covers every kernel that can be recorded", () => {
    expect(recordedKernels.filter((name) => !recorded.has(name))).toEqual([]);
  });
});
