import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  type HieraArchitecture,
  hieraArchitectures,
  hieraLayout,
} from "../../src/checkpoint/hiera-layout.ts";
import {
  type RepVitArchitecture,
  repVitArchitectures,
  repVitLayout,
} from "../../src/checkpoint/rep-vit-layout.ts";
import { runEncoder } from "./run-encoder.ts";

interface Part {
  shape: number[];
  largest: number;
  step: number;
  values: number[];
}
const modelsOf = (file: string) => {
  const text = readFileSync(new URL(`reference/${file}`, import.meta.url), "utf8");
  const { models } = JSON.parse(text) as {
    models: Record<
      string,
      { architecture: HieraArchitecture | RepVitArchitecture; parts: Record<string, Part> }
    >;
  };
  return Object.entries(models);
};

test.each([...modelsOf("sam2-image-encoder.json"), ...modelsOf("edgetam-image-encoder.json")])(
  "the recorded image encoder gives what transformers' Sam2Model or EdgeTamModel gives: %s",
  async (_name, { architecture, parts }) => {
    const { dims, data } = await runEncoder(architecture);
    const lengths = Object.values(parts).map(({ shape }) => shape.reduce((a, b) => a * b, 1));
    expect(dims).toEqual([1, lengths.reduce((a, b) => a + b)]);
    let offset = 0;
    for (const [i, { largest, step, values }] of Object.values(parts).entries()) {
      const differences = values.map((value, k) => Math.abs(value - (data[offset + k * step] as number)));
      expect(Math.max(...differences) / largest).toBeLessThan(1e-5);
      offset += lengths[i] as number;
    }
  },
);

test("EdgeTAM's encoder has as many weights as Meta's", () => {
  const shapes = Object.values(repVitLayout(repVitArchitectures.repvit_m1));
  const count = shapes.reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
  // Of EdgeTamModel's state_dict(), as above, less num_batches_tracked
  expect([shapes.length, count]).toEqual([583, 4970976]);
});

test("SAM 2's four encoders have as many weights as Meta's", () => {
  const counts = Object.values(hieraArchitectures).map((architecture) => {
    const shapes = Object.values(hieraLayout(architecture));
    return [shapes.length, shapes.reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0)];
  });
  // Of Sam2Model's state_dict() by facebook/sam2.1-hiera-*'s configurations: vision_encoder, conv_s0, conv_s1, no_memory_embedding
  expect(counts).toEqual([
    [167, 27244064],
    [215, 34341920],
    [311, 69131744],
    [599, 212728208],
  ]);
});
