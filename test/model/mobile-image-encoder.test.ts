import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  type TinyVitArchitecture,
  tinyVitArchitectures,
  tinyVitLayout,
} from "../../src/checkpoint/tiny-vit-layout.ts";
import { runEncoder } from "./run-encoder.ts";

const reference = JSON.parse(
  readFileSync(new URL("reference/mobile-image-encoder.json", import.meta.url), "utf8"),
) as { architecture: TinyVitArchitecture; largest: number; at: number[]; values: number[] };

test("the recorded TinyViT gives what PyTorch gives, its norms folded into its convolutions", async () => {
  const { architecture, at, values, largest } = reference;
  const { dims, data } = await runEncoder(architecture);
  expect(dims).toEqual([1, 256, architecture.grid, architecture.grid]);
  const furthest = Math.max(
    ...at.map((index, i) => Math.abs((data[index] as number) - (values[i] as number))),
  );
  expect(furthest / largest).toBeLessThan(1e-5);
});

test("MobileSAM's encoder has as many weights as its makers'", () => {
  const shapes = Object.values(tinyVitLayout(tinyVitArchitectures.tiny_vit));
  const count = shapes.reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
  // state_dict() of build_sam_vit_t().image_encoder, less its classifier's head and num_batches_tracked
  expect([shapes.length, count]).toEqual([271, 5753748]);
});
