import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { objectScoreHead } from "../../src/checkpoint/sam2-decoder.ts";
import { iou } from "../../src/imaging/metrics.ts";
import { boxOf } from "../../src/imaging/geometry.ts";
import { readMask, writeLogits, writeMask } from "../../src/imaging/wire-mask.ts";
import { packWeights } from "../../src/inference/decoder/packed-weights.ts";
import { isStable } from "../../src/inference/decoder/chosen-tokens.ts";
import type { PredictResult, Prompt } from "../../src/inference/types.ts";
import { keys } from "../../src/storage/keys.ts";
import type { Predicted } from "../../src/actions/predict.ts";
import { toPrediction } from "../../src/routes/wire/predict.ts";
import { sam2Decoder } from "../worlds/sam2-decoder.ts";
import { testInference } from "../helpers/inference.ts";
import { sam2Name } from "../worlds/sam2-model.ts";
import { box, centre, masksOf, openDisc, size, truth } from "./disc.ts";

/** A base model of SAM 2's family: its image is stretched, its embedding has high-resolution features. */
let disc: Awaited<ReturnType<typeof openDisc>>;
beforeAll(async () => {
  disc = await openDisc(sam2Name);
});
afterAll(() => disc.close());

const onlyMask = (result: PredictResult, prompt = 0) => readMask(masksOf(result, prompt)[0]!.mask, size);

describe("SAM 2 finds a clear object where it is on an image that is stretched", () => {
  test.each<[string, Prompt]>([
    ["a box", { box }],
    ["a point and a box", { box, points: [centre] }],
    ["points in and out", { points: [centre, [20, 20, 0], [380, 280, 0]] }],
  ])("from %s", async (_what, prompt) => {
    const result = await disc.predict([prompt]);
    const mask = await onlyMask(result);
    expect(iou(mask, truth)).toBeGreaterThan(0.9);
    expect(masksOf(result)[0]?.bbox).toEqual(boxOf(mask));
  });
});

test("SAM 2 takes a mask of its object, in every format, and an answer's own logits", async () => {
  const logits = Float32Array.from(truth.data, (value) => (value === 1 ? 10 : -10));
  const [first] = masksOf(await disc.predict([{ box }], { lowRes: true }));
  const result = await disc.predict([
    { mask: await writeMask(truth, "rle") },
    { mask: await writeMask(truth, "png") },
    { mask: writeLogits(logits, size) },
    { mask: first!.lowRes!, points: [centre] },
  ]);
  for (const index of [0, 1, 2, 3]) expect(iou(await onlyMask(result, index), truth)).toBeGreaterThan(0.9);
  expect(masksOf(result, 1)[0]).toEqual(masksOf(result, 0)[0]);
});

test("SAM 2 answers the same from the encoder and, without its prefix, from the store", async () => {
  const prompts = [{ box }, { points: [centre] }];
  const encoded = await disc.predict(prompts, { multimask: true });
  const { modelsFolder, store } = disc;
  const again = await testInference(store, { modelsFolder, prefixBytes: 0 });
  try {
    const stored = await again.predict({ ...disc.request, multimask: true, prompts });
    expect(stored.embeddingFrom).toBe("store");
    for (const [i] of prompts.entries()) {
      expect(masksOf(stored, i)).toHaveLength(3);
      for (const { objectScore } of masksOf(stored, i))
        expect(objectScore).toBeCloseTo(masksOf(encoded, i)[0]?.objectScore ?? Number.NaN, 5);
      for (const [k, one] of masksOf(encoded, i).entries()) {
        const [mask, other] = [one, masksOf(stored, i)[k]!].map((each) => readMask(each.mask, size));
        expect(iou(await mask!, await other!)).toBeGreaterThan(0.999);
      }
    }
  } finally {
    await again.close();
  }
});

test("SAM 2 says of each prompt how likely there is an object, the same for all of its masks", async () => {
  const prompts = [{ box }, { points: [centre] }];
  const all = await disc.predict(prompts, { multimask: true });
  const scores = prompts.map((_, i) => masksOf(all, i).map(({ objectScore }) => objectScore));
  for (const [first, ...others] of scores) {
    expect(first).toBeGreaterThan(0);
    expect(first).toBeLessThan(1);
    expect(others).toEqual([first, first]);
  }
  expect(scores[0]?.[0]).not.toBe(scores[1]?.[0]);
  const [single] = masksOf(await disc.predict([{ box }]));
  expect(single?.objectScore).toBeCloseTo(scores[0]?.[0] ?? Number.NaN, 5);
  const { id, image } = { id: "pred_1", image: { id: null, sha256: disc.request.image.sha256 } };
  const told = toPrediction({ id, image, result: all, clipped: [] } as unknown as Predicted);
  expect(told.results[0]?.predictions[0]?.masks[0]?.object_score).toBe(scores[0]?.[0]);
});

test("a decoder without the head of its object score, and SAM's, tell none", async () => {
  const known = await sam2Decoder();
  const headless = Object.entries(known).map(([name, { shape, data }]) => [
    name,
    { shape, data: objectScoreHead.test(name) ? new Float32Array(data.length) : data },
  ]);
  expect(packWeights("a", known).objectScore).toBe(true);
  expect(packWeights("b", Object.fromEntries(headless)).objectScore).toBe(false);
  expect(packWeights("c", await baseModel("mobile_sam").decoderWeights()).objectScore).toBe(false);
});

test("SAM 2's embedding is stored as float16, half its size in memory", async () => {
  const { embedding } = await disc.inference.embed(disc.request.image, disc.request);
  expect([embedding.family, embedding.data.length]).toEqual(["sam2", 4_194_304]);
  const { embeddingId } = await disc.inference.baseModel(sam2Name);
  const key = keys.embedding("ws_1", embeddingId, disc.request.image.sha256);
  const { bytes } = (await disc.store.stat(key)) ?? { bytes: 0 };
  expect(bytes).toBeGreaterThan(2 * embedding.data.length);
  expect(bytes).toBeLessThan(2 * embedding.data.length + 2000);
});

test("a mask is stable where its edge hardly moves with the threshold", () => {
  const logits = new Float32Array(65_536).fill(-9);
  logits.fill(9, 0, 1000);
  expect(isStable([logits])).toBe(true);
  // Twenty of a thousand and twenty are in doubt: .9804 is enough, one more is not
  logits.fill(0, 1000, 1020);
  expect(isStable([logits])).toBe(true);
  logits.fill(0, 1020, 1021);
  expect(isStable([logits])).toBe(false);
  expect(isStable([new Float32Array(65_536).fill(-9)])).toBe(true);
});
