import { readFileSync } from "node:fs";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, expect, test } from "vitest";
import "../../src/graph/gradients.ts";
import type { NamedTensors } from "../../src/checkpoint/named-tensors.ts";
import { namesReachedByMaskLoss } from "../../src/checkpoint/layout.ts";
import { huggingFaceSam2Name } from "../../src/checkpoint/sam2-decoder.ts";
import { embeddingParts } from "../../src/domain/model-family.ts";
import { decoderOrder } from "../../src/inference/embedding/decoder-order.ts";
import { imagePositionalEncoding } from "../../src/model/prompt-encoder.ts";
import { segment, type SamInputs } from "../../src/model/sam.ts";
import type { Weights } from "../../src/model/types.ts";
import { sam2Decoder, sam2Embedding } from "../worlds/sam2-decoder.ts";
import {
  diceBce,
  diskTarget,
  noGradient,
  type Picked,
  picked,
  toTensors,
  useWasm,
  wrongGradients,
} from "./support.ts";

/** Hugging Face's Sam2Model is the judge: values committed by peers/reference/sam2_decoder.py. */
interface Answer {
  embedding: 0 | 1;
  box?: number[];
  points?: number[][];
  mask?: boolean;
  logits: Picked[];
  runs: number[][];
  iou: number[];
  object_score: number;
}
const reference = JSON.parse(
  readFileSync(new URL("reference/sam2-decoder.json", import.meta.url), "utf8"),
) as { answers: Answer[]; loss: number; gradients: Record<string, Picked> };

let named: NamedTensors;
let weights: Weights;
let imagePe: tf.Tensor;
let embeddings: Pick<SamInputs, "embedding" | "skips">[];

beforeAll(async () => {
  await useWasm();
  named = await sam2Decoder();
  weights = toTensors(named);
  imagePe = imagePositionalEncoding(weights);
  embeddings = [0, 1].map((b) => partsOf(decoderOrder(sam2Embedding(b), "sam2")));
});

function partsOf(flat: Float32Array) {
  const [embedding, fine, coarse] = embeddingParts.sam2.map(({ offset, length, shape }) =>
    tf.tensor(flat.slice(offset, offset + length), [1, shape[1] * shape[2], shape[0]]),
  ) as [tf.Tensor, tf.Tensor, tf.Tensor];
  return { embedding, skips: { fine, coarse } };
}

/** Prompts as Sam2Model embeds them: a padding point behind whatever was given. */
function prompt({ box, points = [] }: Pick<Answer, "box" | "points">) {
  const coords = [...points.flatMap(([x, y]) => [x as number, y as number]), ...(box ?? []), 0, 0];
  const labels = [...points.map(([, , label]) => label as number), ...(box ? [2, 3] : []), -1];
  return {
    coords: tf.tensor(coords, [1, labels.length, 2]),
    labels: tf.tensor(labels, [1, labels.length], "float32"),
  };
}

/** IoU of logits above 0 and a mask by its runs, the first of background. */
function iouOf(logits: Float32Array, runs: readonly number[]): number {
  let [both, either, at] = [0, 0, 0];
  for (const [k, run] of runs.entries()) {
    for (const end = at + run; at < end; at++) {
      const [ours, theirs] = [(logits[at] as number) > 0, k % 2 === 1];
      if (ours && theirs) both++;
      if (ours || theirs) either++;
    }
  }
  return both / either;
}

test.each(reference.answers.map((answer, i) => [Object.keys(answer).slice(0, -5).join(", "), i]))(
  "masks, scores and object score of %s are Sam2Model's",
  (_name, i) => {
    const answer = reference.answers[i] as Answer;
    const given = embeddings[answer.embedding] as (typeof embeddings)[number];
    const mask = diskTarget(answer.embedding).map((value) => 8 * (2 * value - 1));
    const output = segment(
      {
        ...given,
        imagePe,
        ...prompt(answer),
        ...(answer.mask && { masks: tf.tensor(mask, [1, 256, 256]) }),
      },
      weights,
      { objectScore: true },
    );
    const logits = output.logits.dataSync<"float32">();
    for (const [m, theirs] of answer.logits.entries()) {
      const own = logits.subarray(m * 65_536, (m + 1) * 65_536);
      const ours = picked(own, theirs.picks.length);
      expect(ours.norm / theirs.norm).toBeCloseTo(1, 4);
      for (const [k, value] of ours.picks.entries()) expect(value).toBeCloseTo(theirs.picks[k] ?? NaN, 3);
      expect(iouOf(own, answer.runs[m] ?? [])).toBeGreaterThan(0.995);
    }
    for (const [m, value] of [...output.iou.dataSync()].entries())
      expect(value).toBeCloseTo(answer.iou[m] ?? NaN, 5);
    expect(output.objectScore?.dataSync()[0]).toBeCloseTo(answer.object_score, 5);
  },
);

test("loss and gradients of a box are PyTorch's to 1e-3 relative", () => {
  const { box } = reference.answers[1] as Answer;
  const theirs = Object.fromEntries(
    Object.keys(named).flatMap((name) => {
      const gradient = reference.gradients[huggingFaceSam2Name(name).name];
      return gradient && gradient.norm >= noGradient ? [[name, gradient]] : [];
    }),
  ) as Record<string, Picked>;
  const names = Object.keys(theirs);
  // As SAM's, and the token of the object score, which the others look at
  expect(names.toSorted()).toEqual(
    [...namesReachedByMaskLoss(), "mask_decoder.obj_score_token.weight"]
      .filter((name) => !name.endsWith("k_proj.bias"))
      .toSorted(),
  );
  const given = { ...(embeddings[1] as (typeof embeddings)[number]), imagePe, ...prompt({ box }) };
  const target = tf.tensor(diskTarget(1), [1, 256, 256]);
  const { value, grads } = tf.valueAndGrads((...trained: tf.Tensor[]) => {
    const own = Object.fromEntries(names.map((name, i) => [name, trained[i] as tf.Tensor]));
    const { logits } = segment(given, { ...weights, ...own }, { maskTokens: [0] });
    return diceBce(tf.squeeze(logits, [1]), target);
  })(names.map((name) => weights[name] as tf.Tensor));
  expect(value.dataSync()[0]).toBeCloseTo(reference.loss, 5);
  const ours = Object.fromEntries(names.map((name, i) => [name, grads[i] as tf.Tensor]));
  expect(wrongGradients(ours, theirs)).toEqual([]);
});
