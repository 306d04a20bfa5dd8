import { readFileSync } from "node:fs";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, expect, test } from "vitest";
import "../../src/graph/gradients.ts";
import { namesReachedByMaskLoss } from "../../src/checkpoint/layout.ts";
import { imagePositionalEncoding } from "../../src/model/prompt-encoder.ts";
import { segment } from "../../src/model/sam.ts";
import type { Weights } from "../../src/model/types.ts";
import { base, toTensors, useWasm } from "./support.ts";

/** PyTorch is the judge: values committed by peers/reference/decoder_gradients.py, two boxes on two embeddings. */

interface Picked {
  norm: number;
  picks: number[];
}
interface Reference {
  loss: number;
  logits: Picked;
  iou: number[];
  gradients: Record<string, Picked>;
}
const reference = JSON.parse(
  readFileSync(new URL("reference/decoder-gradients.json", import.meta.url), "utf8"),
) as Reference;

/** The same formulas as in the Python script. */
function embedding(b: number): Float32Array {
  return Float32Array.from({ length: 4096 * 256 }, (_, i) => {
    const [n, c] = [i >> 8, i & 255];
    const [y, x] = [n >> 6, n & 63];
    const inside = (x - 24 - 8 * b) ** 2 + (y - 28) ** 2 < 15 ** 2;
    const level = inside ? Math.sin(12.9898 * c + b) : Math.sin(78.233 * c + 1);
    return 0.1 * level + 0.05 * Math.sin(0.13 * x + 0.29 * c) * Math.cos(0.11 * y + 0.17 * c);
  });
}
const target = (b: number): number[] =>
  Array.from({ length: 65_536 }, (_, i) =>
    ((i % 256) - 96 - 32 * b) ** 2 + ((i >> 8) - 112) ** 2 < 60 ** 2 ? 1 : 0,
  );

/** Mean Dice loss (smoothed by 1) plus mean binary cross-entropy of logits. */
function diceBce(logits: tf.Tensor, targets: tf.Tensor): tf.Scalar {
  const p = tf.sigmoid(logits);
  const overlap = tf.sum(tf.mul(p, targets), [1, 2]);
  const total = tf.add(tf.sum(p, [1, 2]), tf.sum(targets, [1, 2]));
  const dice = tf.mean(tf.sub(1, tf.div(tf.add(tf.mul(overlap, 2), 1), tf.add(total, 1))));
  const softplus = tf.log(tf.add(1, tf.exp(tf.neg(tf.abs(logits)))));
  const bce = tf.mean(tf.add(tf.sub(tf.relu(logits), tf.mul(logits, targets)), softplus));
  return tf.add(dice, bce);
}

const picked = (tensor: tf.Tensor): Picked => {
  const values = [...tensor.dataSync<"float32">()];
  const count = reference.logits.picks.length;
  return {
    norm: Math.sqrt(values.reduce((sum, v) => sum + v * v, 0)),
    picks: Array.from(
      { length: count },
      (_, i) => values[Math.floor((i * (values.length - 1)) / (count - 1))] ?? NaN,
    ),
  };
};

/** Key biases have no gradient in truth; what PyTorch shows of them is rounding, at most 2e-7 here. */
const nothing = 1e-6;

let weights: Weights;
let logits: tf.Tensor;
let iou: tf.Tensor;
let loss: number;
let gradients: Record<string, tf.Tensor>;

beforeAll(async () => {
  await useWasm();
  weights = toTensors(await base.decoderWeights());
  const names = namesReachedByMaskLoss();
  const inputs = {
    embedding: tf.stack([0, 1].map((b) => tf.tensor(embedding(b), [4096, 256]))),
    imagePe: imagePositionalEncoding(weights),
    coords: tf.tensor([150, 210, 630, 690, 280, 210, 760, 690], [2, 2, 2]),
    labels: tf.tensor(
      [
        [2, 3],
        [2, 3],
      ],
      [2, 2],
      "float32",
    ),
  };
  const targets = tf.tensor([0, 1].flatMap(target), [2, 256, 256]);
  const run = tf.valueAndGrads((...trained: tf.Tensor[]) => {
    const all = {
      ...weights,
      ...Object.fromEntries(names.map((name, i) => [name, trained[i] as tf.Tensor])),
    };
    return diceBce(tf.squeeze(segment(inputs, all, { maskTokens: [0] }).logits, [1]), targets);
  });
  const { value, grads } = run(names.map((name) => weights[name] as tf.Tensor));
  loss = value.dataSync()[0] ?? NaN;
  gradients = Object.fromEntries(names.map((name, i) => [name, grads[i] as tf.Tensor]));
  const output = segment(inputs, weights);
  logits = tf.slice(output.logits, [0, 0, 0, 0], [2, 1, 256, 256]);
  iou = output.iou;
});

test("loss, logits and scores are PyTorch's", () => {
  expect(loss).toBeCloseTo(reference.loss, 5);
  const ours = picked(logits);
  expect(ours.norm / reference.logits.norm).toBeCloseTo(1, 5);
  for (const [i, value] of ours.picks.entries())
    expect(value).toBeCloseTo(reference.logits.picks[i] ?? NaN, 3);
  for (const [i, value] of [...iou.dataSync()].entries())
    expect(value).toBeCloseTo(reference.iou[i] ?? NaN, 4);
});

test("every gradient is PyTorch's to 1e-3 relative", () => {
  const wrong: string[] = [];
  for (const [name, theirs] of Object.entries(reference.gradients)) {
    const gradient = gradients[name];
    const ours = gradient ? picked(gradient) : { norm: 0, picks: theirs.picks.map(() => 0) };
    if (theirs.norm < nothing) {
      if (!(ours.norm < nothing)) wrong.push(`${name}: norm ${ours.norm}, should be nothing`);
      continue;
    }
    if (!(Math.abs(ours.norm - theirs.norm) <= 1e-3 * theirs.norm))
      wrong.push(`${name}: norm ${ours.norm}, not ${theirs.norm}`);
    // An entry far below its tensor's mean size is itself a difference of large numbers: judged against that size
    const typical = theirs.norm / Math.sqrt(gradient?.size ?? 1);
    for (const [i, value] of theirs.picks.entries()) {
      const own = ours.picks[i] ?? NaN;
      if (!(Math.abs(own - value) <= 1e-3 * Math.max(Math.abs(value), typical)))
        wrong.push(`${name}[${i}]: ${own}, not ${value}`);
    }
  }
  expect(wrong).toEqual([]);
});

test("the names said to be reached are those whose gradient is something in PyTorch", () => {
  const theirs = Object.keys(reference.gradients).filter(
    (name) => (reference.gradients[name]?.norm ?? 0) >= nothing,
  );
  const silent = namesReachedByMaskLoss().filter((name) => !theirs.includes(name));
  expect(theirs.filter((name) => !gradients[name])).toEqual([]);
  expect(silent.every((name) => name.endsWith("k_proj.bias"))).toBe(true);
});
