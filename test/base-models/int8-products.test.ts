import { expect, test } from "vitest";
import { withInt8Products } from "../../src/base-models/quantise/int8-products.ts";
import ort from "../../src/lib/onnxruntime.ts";
import {
  attribute,
  dataType,
  encodeModel,
  float32Tensor,
  type OnnxModel,
  type OnnxNode,
  valueInfo,
} from "../../src/lib/onnx-proto.ts";
import { seededRandom } from "../../src/lib/random.ts";

const rows = 12;
const [inner, outer] = [96, 64];
const random = seededRandom(7);
const normal = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.normal());
const weight = normal(inner * outer);
const turned = Float32Array.from(
  { length: inner * outer },
  (_, i) => weight[(i % inner) * outer + Math.floor(i / inner)] as number,
);
const bias = normal(outer);
const activation = normal(rows * inner);

/** One layer of `x` [12, 96] to `y` [12, 64]. */
function layer(nodes: OnnxNode[], shape: readonly number[], values: Float32Array): OnnxModel {
  return {
    irVersion: 8,
    opsetImport: [{ domain: "", version: 17 }],
    graph: {
      name: "layer",
      node: nodes,
      initializer: [float32Tensor("w", shape, values), float32Tensor("b", [outer], bias)],
      input: [valueInfo("x", dataType.float, [rows, inner])],
      output: [valueInfo("y", dataType.float, [rows, outer])],
    },
  };
}

const matMul = { opType: "MatMul", input: ["x", "w"], output: ["y"] };
const gemm = (...more: NonNullable<OnnxNode["attribute"]>): OnnxNode => ({
  opType: "Gemm",
  input: ["x", "w", "b"],
  output: ["y"],
  attribute: more,
});

async function answer(model: OnnxModel): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(encodeModel(model), { logSeverityLevel: 3 });
  try {
    const { y } = await session.run({ x: new ort.Tensor("float32", activation, [rows, inner]) });
    return y?.data as Float32Array;
  } finally {
    await session.release();
  }
}

const size = (values: Float32Array): number => Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0));

test.each([
  ["a product", layer([matMul], [inner, outer], weight)],
  ["a product with a sum", layer([gemm()], [inner, outer], weight)],
  ["a product with a turned weight", layer([gemm(attribute("transB", 1))], [outer, inner], turned)],
])("%s in int8 is the exact one but for a hundredth", async (_, model) => {
  const { model: small, products } = withInt8Products(model);
  expect(products).toBe(1);
  expect(small.graph.node.map(({ opType }) => opType)).toContain("MatMulInteger");
  // The exact weight is gone, and each of int8's steps is within what any processor adds up exactly.
  const stored = small.graph.initializer.find(({ dataType: type }) => type === dataType.int8);
  expect(small.graph.initializer.map(({ name }) => name)).not.toContain("w");
  expect(
    Math.max(...new Int8Array(stored?.rawData?.slice().buffer ?? new ArrayBuffer(1)).map(Math.abs)),
  ).toBe(64);
  const [exact, found] = [await answer(model), await answer(small)];
  const error = size(found.map((value, i) => value - (exact[i] as number))) / size(exact);
  expect(error).toBeGreaterThan(0);
  expect(error).toBeLessThan(0.015);
});

test("what is no linear layer stays as it is", () => {
  const scaled = layer([gemm(attribute("transA", 1))], [inner, outer], weight);
  expect(withInt8Products(scaled)).toEqual({ model: scaled, products: 0 });
  const inTheMiddle = layer([{ ...matMul, input: ["w", "x"] }], [inner, outer], weight);
  expect(withInt8Products(inTheMiddle).products).toBe(0);
});

test("a weight that another node takes as it is stays beside its twin", () => {
  const sum = { opType: "ReduceSum", input: ["w"], output: ["total"] };
  const both = layer([matMul, sum], [inner, outer], weight);
  both.graph.output.push(valueInfo("total", dataType.float, [1, 1]));
  const { model, products } = withInt8Products(both);
  expect(products).toBe(1);
  expect(model.graph.initializer.map(({ name }) => name)).toContain("w");
});
