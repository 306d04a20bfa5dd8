import { readFileSync } from "node:fs";
import * as tf from "@tensorflow/tfjs-core";
import { InferenceSession } from "../../src/lib/onnxruntime.ts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { dataType, decodeModel, encodeModel } from "../../src/lib/onnx-proto.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { embedMasks, embedPoints, imagePositionalEncoding, noMask } from "../../src/model/prompt-encoder.ts";
import { segment } from "../../src/model/sam.ts";
import type { Weights } from "../../src/model/types.ts";
import {
  base,
  channelsLast,
  embedDrawing,
  floats,
  largestDifference,
  metaDecoderPath,
  ortTensor,
  toTensors,
  useWasm,
} from "./support.ts";

/** Meta's ONNX decoder is the judge: 25 random prompts of five kinds on a real embedding. */

/** Milliseconds: ten prompts in one wasm thread took 14 to 25 s with two other workers beside. */
const patience = 240_000;

/** Values inside Meta's graph: prompt embeddings and positions. */
const inner = {
  sparse: "/Add_5_output_0",
  dense: "/Add_6_output_0",
  positions: "/pe_layer/Transpose_output_0",
};

interface Prompt {
  coords: number[];
  labels: number[];
  mask?: Float32Array;
}

const random = seededRandom(20_240_611);
const pixel = (): number => random.next() * 1024;
const points = (count: number): Prompt => ({
  coords: Array.from({ length: 2 * count }, pixel),
  labels: Array.from({ length: count }, () => random.below(2)),
});
const padding = (count: number): Prompt => ({
  coords: Array<number>(2 * count).fill(0),
  labels: Array<number>(count).fill(-1),
});
function box(): Prompt {
  const [x, y] = [pixel() * 0.8, pixel() * 0.8];
  return { coords: [x, y, x + 20 + random.next() * 500, y + 20 + random.next() * 500], labels: [2, 3] };
}
const join = (...parts: Prompt[]): Prompt => ({
  coords: parts.flatMap((part) => part.coords),
  labels: parts.flatMap((part) => part.labels),
});
/** Low-res logits of a soft disc, -10 to 10, with noise. */
function disc(): Float32Array {
  const [x0, y0, r] = [random.next() * 256, random.next() * 256, 10 + random.next() * 80];
  return Float32Array.from({ length: 65_536 }, (_, i) => {
    const distance = Math.hypot((i % 256) - x0, Math.floor(i / 256) - y0);
    return Math.max(-10, Math.min(10, (r - distance) / 3)) + random.next() - 0.5;
  });
}

/** Five prompts a kind, in one batch, so they are equally long. */
const kinds: Record<string, () => Prompt> = {
  "points, with the padding point that stands for no box": () => join(points(3), padding(1)),
  "a box": box,
  "a box and points": () => join(box(), points(2)),
  "a mask and a point": () => ({ ...join(points(1), padding(1)), mask: disc() }),
  "mostly padding": () => join(points(1), padding(4)),
};

let weights: Weights;
let meta: InferenceSession;
let embedding: Float32Array;
let image: tf.Tensor;
let imagePe: tf.Tensor;

beforeAll(async () => {
  await useWasm();
  weights = toTensors(await base.decoderWeights());
  const model = decodeModel(readFileSync(metaDecoderPath));
  for (const name of Object.values(inner))
    model.graph.output.push({ name, type: { tensorType: { elemType: dataType.float } } });
  meta = await InferenceSession.create(encodeModel(model), { intraOpNumThreads: 2 });
  embedding = await embedDrawing(random);
  image = channelsLast(embedding);
  imagePe = imagePositionalEncoding(weights);
});

afterAll(async () => {
  await meta.release();
});

const runMeta = ({ coords, labels, mask }: Prompt) =>
  meta.run({
    image_embeddings: ortTensor(embedding, [1, 256, 64, 64]),
    point_coords: ortTensor(coords, [1, labels.length, 2]),
    point_labels: ortTensor(labels, [1, labels.length]),
    mask_input: ortTensor(mask ?? new Float32Array(65_536), [1, 1, 256, 256]),
    has_mask_input: ortTensor([mask ? 1 : 0], [1]),
    orig_im_size: ortTensor([64, 64], [2]),
  });

/** Which mask Meta's single-mask export returns: 0 from three points on, else the best of 1 to 3 (utils/onnx.py). */
function selected(iou: readonly number[], pointCount: number): number {
  const scores = iou.map((score, i) => score + (i === 0 ? (pointCount - 2.5) * 1000 : 0));
  return scores.indexOf(Math.max(...scores));
}

test("image positions are Meta's", async () => {
  const theirs = floats((await runMeta(points(1)))[inner.positions]);
  const ours = tf.tidy(() => tf.transpose(tf.reshape(imagePe, [4096, 256]))).dataSync();
  expect(largestDifference(ours, theirs)).toBeLessThan(1e-4);
});

test.each(Object.entries(kinds))("%s", { timeout: patience }, async (_kind, make) => {
  const prompts = Array.from({ length: 5 }, make);
  const t = prompts[0]?.labels.length ?? 0;
  const before = tf.memory().numTensors;
  const ours = tf.tidy(() => {
    const coords = tf.tensor(
      prompts.flatMap((p) => p.coords),
      [5, t, 2],
    );
    const labels = tf.tensor(
      prompts.flatMap((p) => p.labels),
      [5, t],
    );
    const given = prompts.flatMap((p) => (p.mask ? [tf.tensor(p.mask, [256, 256])] : []));
    const masks = given.length > 0 ? tf.stack(given) : undefined;
    const output = segment({ embedding: image, imagePe, coords, labels, masks }, weights);
    const dense = masks ? embedMasks(masks, weights) : tf.tile(noMask(weights), [5, 4096, 1]);
    return {
      logits: tf.unstack(output.logits),
      iou: output.iou,
      sparse: tf.unstack(embedPoints(coords, labels, weights)),
      dense: tf.unstack(tf.transpose(dense, [0, 2, 1])),
    };
  });
  const iou = ours.iou.arraySync() as number[][];
  for (const [i, prompt] of prompts.entries()) {
    const theirs = await runMeta(prompt);
    const own = iou[i] ?? [];
    const mask = selected(own, t);
    const logits = ours.logits[i]?.dataSync().subarray(mask * 65_536, (mask + 1) * 65_536) ?? [];
    expect(largestDifference(ours.sparse[i]?.dataSync() ?? [], floats(theirs[inner.sparse]))).toBeLessThan(
      1e-4,
    );
    expect(largestDifference(ours.dense[i]?.dataSync() ?? [], floats(theirs[inner.dense]))).toBeLessThan(
      1e-4,
    );
    expect(largestDifference(logits, floats(theirs.low_res_masks))).toBeLessThan(1e-3);
    expect(largestDifference([own[mask] ?? NaN], floats(theirs.iou_predictions))).toBeLessThan(1e-3);
  }
  tf.dispose(ours);
  expect(tf.memory().numTensors).toBe(before);
});

test("one mask asked for is the same mask, and one score", () => {
  const prompt = box();
  const [four, one] = [[0, 1, 2, 3], [0]].map((maskTokens) => {
    const coords = tf.tensor(prompt.coords, [1, 2, 2]);
    return segment(
      { embedding: image, imagePe, coords, labels: tf.tensor([[2, 3]]), masks: undefined },
      weights,
      { maskTokens },
    );
  });
  expect(one?.logits.shape).toEqual([1, 1, 256, 256]);
  expect(one?.iou.shape).toEqual([1, 1]);
  const first = four?.logits.dataSync().subarray(0, 65_536) ?? [];
  expect(largestDifference(one?.logits.dataSync() ?? [], first)).toBeLessThan(1e-4);
  expect(one?.iou.dataSync()[0]).toBeCloseTo(four?.iou.dataSync()[0] ?? NaN, 5);
});

test(
  "prompts of several lengths and kinds in one batch give what each gives alone",
  { timeout: patience },
  () => {
    const prompts = [
      box(),
      join(points(1), padding(1)),
      join(box(), points(3)),
      { ...join(points(2), padding(1)), mask: disc() },
    ];
    const longest = Math.max(...prompts.map((p) => p.labels.length));
    const coords = prompts.flatMap((p) => [
      ...p.coords,
      ...Array<number>(2 * longest - p.coords.length).fill(512),
    ]);
    const labels = prompts.flatMap((p) => [
      ...p.labels,
      ...Array<number>(longest - p.labels.length).fill(-2),
    ]);
    const together = segment(
      {
        embedding: image,
        imagePe,
        coords: tf.tensor(coords, [4, longest, 2]),
        labels: tf.tensor(labels, [4, longest]),
        masks: tf.stack(prompts.map((p) => tf.tensor(p.mask ?? new Float32Array(65_536), [256, 256]))),
        hasMask: tf.tensor(prompts.map((p) => (p.mask ? 1 : 0))),
      },
      weights,
      { absentTokens: true },
    );
    const logits = together.logits.dataSync();
    for (const [i, { coords: own, labels: kinds_, mask }] of prompts.entries()) {
      const t = kinds_.length;
      const alone = segment(
        {
          embedding: image,
          imagePe,
          coords: tf.tensor(own, [1, t, 2]),
          labels: tf.tensor(kinds_, [1, t]),
          masks: mask && tf.tensor(mask, [1, 256, 256]),
        },
        weights,
      );
      expect(
        largestDifference(logits.subarray(i * 4 * 65_536, (i + 1) * 4 * 65_536), alone.logits.dataSync()),
      ).toBeLessThan(1e-3);
      expect(
        largestDifference(together.iou.dataSync().subarray(i * 4, i * 4 + 4), alone.iou.dataSync()),
      ).toBeLessThan(1e-4);
    }
  },
);
