import { dataType, encodeModel, valueInfo } from "../../src/lib/onnx-proto.ts";

/** A product of two [64, 64] matrices as an ONNX file: what a provider must run to be there at all. */
export const productOnnx = (): Uint8Array =>
  encodeModel({
    irVersion: 8,
    opsetImport: [{ domain: "", version: 17 }],
    graph: {
      name: "product",
      node: [{ opType: "MatMul", input: ["a", "b"], output: ["product"] }],
      initializer: [],
      input: ["a", "b"].map((name) => valueInfo(name, dataType.float, [64, 64])),
      output: [valueInfo("product", dataType.float, [64, 64])],
    },
  });
