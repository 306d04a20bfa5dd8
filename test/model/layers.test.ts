import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, expect, test } from "vitest";
import {
  cellsToPlane,
  convPatches,
  convTranspose2x2,
  gelu,
  layerNorm,
  planeToCells,
} from "../../src/model/layers.ts";
import { embedPoints } from "../../src/model/prompt-encoder.ts";
import { decodeMasks } from "../../src/model/mask-decoder.ts";
import { weight } from "../../src/model/types.ts";

beforeAll(async () => {
  await tf.setBackend("cpu");
});

test("cells and planes are each other's way back, and a cell is a 4 x 4 block", () => {
  const planes = tf.reshape(tf.range(0, 2 * 8 * 12), [2, 8, 12]);
  const cells = planeToCells(planes, 2, 3);
  expect(cells.shape).toEqual([2, 2, 3, 2, 2, 2, 2]);
  expect([...cellsToPlane(cells, 2, 3).dataSync()]).toEqual([...planes.dataSync()]);
  // Image 1, cell (1, 2), block (0, 1), inside it (1, 0): row 4 + 0 + 1, column 8 + 2 + 0
  const value = tf.slice(tf.reshape(cells, [2, 2, 3, 16]), [1, 1, 2, 0b0110], [1, 1, 1, 1]).dataSync()[0];
  expect(value).toBe(96 + 5 * 12 + 10);
});

test("convTranspose2x2 is tfjs's transposed convolution", () => {
  const x = tf.randomNormal<tf.Rank.R4>([2, 3, 4, 5], 0, 1, "float32", 1);
  const kernel = tf.randomNormal<tf.Rank.R4>([5, 6, 2, 2], 0, 1, "float32", 2); // [in, out, row, column]
  const bias = tf.randomNormal([6], 0, 1, "float32", 3);
  const ours = convTranspose2x2(x, { "m.weight": kernel, "m.bias": bias }, "m"); // [2, 3, 4, 2, 2, 6]
  const plane = tf.reshape(tf.transpose(ours, [0, 1, 3, 2, 4, 5]), [2, 6, 8, 6]);
  const theirs = tf.add(
    tf.conv2dTranspose(x, tf.transpose(kernel, [2, 3, 1, 0]), [2, 6, 8, 6], 2, "valid"),
    bias,
  );
  expect(tf.max(tf.abs(tf.sub(plane, theirs))).dataSync()[0]).toBeLessThan(1e-5);
});

test("convPatches is tfjs's convolution with stride 2", () => {
  const x = tf.randomNormal<tf.Rank.R4>([2, 6, 8, 3], 0, 1, "float32", 4);
  const kernel = tf.randomNormal<tf.Rank.R4>([5, 3, 2, 2], 0, 1, "float32", 5); // [out, in, row, column]
  const bias = tf.randomNormal([5], 0, 1, "float32", 6);
  const patches = tf.transpose(tf.reshape(x, [2, 3, 2, 4, 2, 3]), [0, 1, 3, 2, 4, 5]);
  const ours = convPatches(patches, { "m.weight": kernel, "m.bias": bias }, "m");
  const theirs = tf.add(tf.conv2d(x, tf.transpose(kernel, [2, 3, 1, 0]), 2, "valid"), bias);
  expect(tf.max(tf.abs(tf.sub(ours, theirs))).dataSync()[0]).toBeLessThan(1e-5);
});

test("gelu is the exact one, layerNorm uses the biased variance", () => {
  const values = [...gelu(tf.tensor([-3, -1, 0, 1, 3])).dataSync()];
  for (const [i, expected] of [-0.00404951, -0.15865529, 0, 0.84134471, 2.99595049].entries())
    expect(values[i]).toBeCloseTo(expected, 5);
  const weights = { "m.weight": tf.tensor([1, 1, 1, 2]), "m.bias": tf.tensor([0, 0, 0, 10]) };
  const normal = [...layerNorm(tf.tensor([[1, 2, 3, 4]]), weights, "m").dataSync()];
  const deviation = Math.sqrt(1.25 + 1e-5);
  for (const [i, expected] of [-1.5, -0.5, 0.5, 3].entries())
    expect(normal[i]).toBeCloseTo(expected / deviation + (i === 3 ? 10 : 0), 5);
});

test("point labels choose their embedding, and padding has no position", () => {
  const row = (value: number): tf.Tensor => tf.mul(tf.ones([1, 256]), value);
  const p = "prompt_encoder.";
  const weights = {
    [`${p}pe_layer.positional_encoding_gaussian_matrix`]: tf.zeros([2, 128]), // sin 0 then cos 0, wherever the point is
    [`${p}not_a_point_embed.weight`]: row(100),
    ...Object.fromEntries([0, 1, 2, 3].map((i) => [`${p}point_embeddings.${i}.weight`, row(10 * (i + 1))])),
  };
  const labels = [0, 1, 2, 3, -1, -2];
  const coords = tf.tensor(
    labels.flatMap((_, i) => [i * 100, 50]),
    [1, 6, 2],
  );
  const rows = tf
    .reshape(embedPoints(coords, tf.tensor([labels]), weights), [6, 256])
    .arraySync() as number[][];
  expect(rows.map((r) => r[0])).toEqual([10, 20, 30, 40, 100, 0]); // sin half
  expect(rows.map((r) => r[200])).toEqual([11, 21, 31, 41, 100, 0]); // cos half
});

test("faults are told by name", () => {
  expect(() => weight({}, "mask_decoder.iou_token.weight")).toThrow(
    "mask_decoder.iou_token.weight is missing",
  );
  const inputs = {
    imagePe: tf.zeros([1, 4096, 256]),
    sparse: tf.zeros([3, 2, 256]),
    dense: tf.zeros([1, 1, 256]),
  };
  expect(() => decodeMasks({ ...inputs, image: tf.zeros([2, 4096, 256]) }, {})).toThrow(
    "2 image embeddings for 3 prompts",
  );
});
