import { expect, test } from "vitest";
import type { NamedTensors } from "../../src/checkpoint/named-tensors.ts";
import { withLora } from "../../src/checkpoint/lora.ts";
import { memoryFile } from "../helpers/memory-file.ts";

const one = (shape: readonly number[], ...data: number[]) => ({ shape, data: Float32Array.from(data) });
const layer = "model.image_encoder.blocks.0.attn.qkv";
/** Two channels, so six rows; matrices of rank 1. */
const samed: NamedTensors = {
  [`${layer}.qkv.weight`]: one([6, 2], ...Array.from({ length: 12 }, (_, i) => i)),
  [`${layer}.qkv.bias`]: one([6], 1, 2, 3, 4, 5, 6),
  [`${layer}.linear_a_q.weight`]: one([1, 2], 1, 10),
  [`${layer}.linear_b_q.weight`]: one([2, 1], 100, 200),
  [`${layer}.linear_a_v.weight`]: one([1, 2], 2, 3),
  [`${layer}.linear_b_v.weight`]: one([2, 1], 0.5, 1),
  "mask_decoder.iou_token.weight": one([1, 2], 7, 8),
};

test("SAMed's matrices are added to the queries' and the values' rows, by SAM's names", async () => {
  const file = withLora(memoryFile(samed));
  expect(Object.fromEntries(file.shapes)).toEqual({
    [`${layer}.weight`]: [6, 2],
    [`${layer}.bias`]: [6],
    "mask_decoder.iou_token.weight": [1, 2],
  });
  // Queries: rows 0 and 1 plus [100, 200] x [1, 10]; values: rows 4 and 5 plus [.5, 1] x [2, 3]
  const weights = [0 + 100, 1 + 1000, 2 + 200, 3 + 2000, 4, 5, 6, 7, 8 + 1, 9 + 1.5, 10 + 2, 11 + 3];
  expect([...(await file.read(`${layer}.weight`))]).toEqual(weights);
  expect([...(await file.read(`${layer}.bias`))]).toEqual([1, 2, 3, 4, 5, 6]);
  expect([...(await file.read("mask_decoder.iou_token.weight"))]).toEqual([7, 8]);
  expect(file.notes).toEqual([
    "LoRA matrices of 1 attention layers were added to the weights beside them, as SAMed does.",
  ]);
});

test("a layer that lacks one of its matrices, or has one of another width, stays as it is", () => {
  const { [`${layer}.linear_a_v.weight`]: _, ...less } = samed;
  const wide = { ...samed, [`${layer}.linear_b_q.weight`]: one([3, 1], 1, 2, 3) };
  for (const tensors of [less, wide]) {
    const file = memoryFile(tensors);
    expect(withLora(file)).toBe(file);
  }
});
