import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ort from "../../src/lib/onnxruntime.ts";
import { expect, test } from "vitest";
import {
  type EncoderArchitecture,
  encoderArchitectures,
  encoderLayout,
} from "../../src/checkpoint/encoder-layout.ts";
import type { StoredTensor } from "../../src/graph/to-onnx.ts";
import { encoderOnnx } from "../../src/base-models/staging/encoder-graph.ts";
import { decodeModel } from "../../src/lib/onnx-proto.ts";
import { madeUp, madeUpEncoder } from "../helpers/tiny-encoder.ts";

interface Reference {
  architecture: EncoderArchitecture;
  largest: number;
  at: number[];
  values: number[];
}
const reference = JSON.parse(
  readFileSync(new URL("reference/image-encoder.json", import.meta.url), "utf8"),
) as Reference;

/** Places one after the other in `weights.bin`. */
function places(architecture: EncoderArchitecture): Map<string, StoredTensor> {
  let offset = 0;
  return new Map(
    Object.entries(encoderLayout(architecture)).map(([name, shape]) => {
      const length = shape.reduce((a, b) => a * b, 4);
      const place = { location: "weights.bin", offset, length };
      offset += length;
      return [name, place];
    }),
  );
}

test("the traced image encoder gives what PyTorch gives, with its weights in a file of their own", async () => {
  const { architecture, at, values, largest } = reference;
  const folder = await mkdtemp(join(tmpdir(), "maskwright-encoder-"));
  try {
    const weights = madeUpEncoder(architecture);
    const bytes = Object.values(weights).map(({ data }) => new Uint8Array(data.buffer));
    await writeFile(join(folder, "weights.bin"), Buffer.concat(bytes));
    await writeFile(join(folder, "encoder.onnx"), encoderOnnx(architecture, places(architecture)));
    const session = await ort.InferenceSession.create(join(folder, "encoder.onnx"), { intraOpNumThreads: 1 });
    const shape = [1, 3, 16 * architecture.grid, 16 * architecture.grid];
    const pixels = new ort.Tensor("float32", madeUp(shape, 1000, 2).data, shape);
    const { image_embedding: embedding } = await session.run({ pixels });
    await session.release();
    expect(embedding?.dims).toEqual([1, 256, architecture.grid, architecture.grid]);
    const found = embedding?.data as Float32Array;
    const furthest = Math.max(
      ...at.map((index, i) => Math.abs((found[index] as number) - (values[i] as number))),
    );
    expect(furthest / largest).toBeLessThan(1e-5);
  } finally {
    await rm(folder, { recursive: true });
  }
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
