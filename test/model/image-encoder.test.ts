import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  type EncoderArchitecture,
  encoderArchitectures,
  encoderLayout,
} from "../../src/checkpoint/encoder-layout.ts";
import { encoderOnnx } from "../../src/base-models/staging/encoder-graph.ts";
import { decodeModel } from "../../src/lib/onnx-proto.ts";
import { places, runEncoder } from "./run-encoder.ts";

interface Reference {
  architecture: EncoderArchitecture;
  largest: number;
  at: number[];
  values: number[];
}
const reference = JSON.parse(
  readFileSync(new URL("reference/image-encoder.json", import.meta.url), "utf8"),
) as Reference;

test("the traced image encoder gives what PyTorch gives, with its weights in a file of their own", async () => {
  const { architecture, at, values, largest } = reference;
  const { dims, data } = await runEncoder(architecture);
  expect(dims).toEqual([1, 256, architecture.grid, architecture.grid]);
  const furthest = Math.max(
    ...at.map((index, i) => Math.abs((data[index] as number) - (values[i] as number))),
  );
  expect(furthest / largest).toBeLessThan(1e-5);
});

test("SAM's three encoders have as many weights as Meta's", () => {
  const counts = Object.values(encoderArchitectures).map((architecture) => {
    const shapes = Object.values(encoderLayout(architecture));
    return [shapes.length, shapes.reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0)];
  });
  // sum(p.numel()) of sam_model_registry[...]().image_encoder
  expect(counts).toEqual([
    [177, 89670912],
    [345, 308278272],
    [457, 637026048],
  ]);
});

test("ViT-H's graph holds none of its 2.5 GB, and says of every weight where it lies", () => {
  const file = encoderOnnx(encoderArchitectures.vit_h, places(encoderArchitectures.vit_h));
  expect(file.length).toBeLessThan(4e6);
  const { graph } = decodeModel(file);
  expect(graph.input.map(({ name }) => name)).toEqual(["pixels"]);
  const outside = graph.initializer.filter(({ dataLocation }) => dataLocation === 1);
  expect(new Set(outside.map(({ name }) => name))).toEqual(
    new Set(Object.keys(encoderLayout(encoderArchitectures.vit_h))),
  );
  const ends = outside.map(({ externalData = [] }) =>
    externalData.reduce((sum, { key, value }) => sum + (key === "location" ? 0 : Number(value)), 0),
  );
  expect(Math.max(...ends)).toBe(4 * 637026048);
});
