import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { areaOf, boxOf } from "../../../src/imaging/geometry.ts";
import { iou } from "../../../src/imaging/metrics.ts";
import { decodeRle } from "../../../src/imaging/rle.ts";
import { removeSmallRegions } from "../../../src/imaging/regions.ts";
import type { BinaryMask, RleMask } from "../../../src/imaging/types.ts";
import { readMask } from "../../../src/imaging/wire-mask.ts";
import { everythingDefaults } from "../../../src/domain/everything.ts";
import type { EverythingRequest } from "../../../src/inference/everything/types.ts";
import type { Prompt } from "../../../src/inference/types.ts";
import { codeOf } from "../../helpers/codes.ts";
import { image, masksOf as answersOf, openDisc, size, truth } from "../disc.ts";

let disc: Awaited<ReturnType<typeof openDisc>>;
beforeAll(async () => {
  disc = await openDisc();
});
afterAll(() => disc?.close());

const few = { ...everythingDefaults, pointsPerSide: 4 };
const generate = (changed: Partial<EverythingRequest> = {}) =>
  disc.inference.segmentEverything({
    workspaceId: "ws_1",
    baseModel: "mobile_sam",
    image: { ...disc.request.image, size },
    versions: [{ number: 0 }],
    settings: few,
    format: "rle",
    maxAnswerBytes: 1e6,
    ...changed,
  });

describe("segment everything", () => {
  test("finds the disc by itself, tells where, and answers each version", async () => {
    const result = await generate({ versions: [{ number: 0 }, { number: 0 }] });
    expect(result).toMatchObject({ width: image.width, height: image.height, embeddingsFrom: ["encoder"] });
    const [first, second] = result.results;
    expect(second).toEqual(first);
    const masks = first?.masks ?? [];
    const found = masks.map(({ mask }) => iou(decodeRle(mask as RleMask), truth));
    expect(Math.max(...found)).toBeGreaterThan(0.97);
    for (const { mask, bbox, area, score, stability, crop } of masks) {
      const binary = decodeRle(mask as RleMask);
      expect([bbox, area]).toEqual([boxOf(binary), areaOf(binary)]);
      expect(score).toBeGreaterThan(0.88);
      expect(stability).toBeGreaterThanOrEqual(0.95);
      expect(crop).toEqual([0, 0, 400, 300]);
    }
    const scores = masks.map(({ score }) => score);
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
  });

  test("gives the same masks in every format and however many points go together", async () => {
    const rle = await generate();
    const wanted = rle.results[0]?.masks.map(({ mask }) => decodeRle(mask as RleMask).data) ?? [];
    expect(wanted.length).toBeGreaterThan(0);
    for (const format of ["polygon", "png"] as const) {
      const { results } = await generate({ format, settings: { ...few, pointsPerBatch: 3 } });
      const read = await Promise.all((results[0]?.masks ?? []).map(({ mask }) => readMask(mask, size)));
      expect(read.map(({ data }) => data)).toEqual(wanted);
    }
  });

  test("asks a version that looks closer once more for what it found, as predict would", async () => {
    const focus = { zoom: null, refine: { radius: 4, epsilon: 1e-3, threshold: 0.5 } };
    const version = { number: 0, focus };
    const [found, closer] = await Promise.all([generate(), generate({ versions: [version] })]);
    const [before, after] = [found, closer].map(({ results }) => results[0]?.masks ?? []);
    expect(after?.length).toBe(before?.length);
    for (const [i, { point, bbox }] of (before ?? []).entries()) {
      const prompt: Prompt = { box: bbox, points: [[...point, 1]] };
      const [answer] = answersOf(await disc.predict([prompt], { versions: [version], size }));
      // Prompts share runs, in which the last digits of a score differ.
      expect(after?.[i]).toMatchObject({ ...answer, score: after?.[i]?.score, point });
      expect(after?.[i]?.score).toBeCloseTo(answer?.score ?? 0, 5);
    }
  });

  test("keeps each crop's embedding, and prefers the finer crop's mask", async () => {
    const settings = { ...few, cropNLayers: 1, cropNPointsDownscaleFactor: 2 };
    const first = await generate({ settings });
    expect(first.embeddingsFrom).toEqual(["memory", "encoder", "encoder", "encoder", "encoder"]);
    const again = await generate({ settings });
    expect(again.embeddingsFrom).toEqual(["memory", ...Array<string>(4).fill("store")]);
    expect(again.results).toEqual(first.results);
    for (const { mask } of first.results[0]?.masks ?? []) expect((mask as RleMask).size).toEqual([300, 400]);
  });

  test("makes any one mask again from its point alone, bit for bit", async () => {
    const settings = {
      ...few,
      cropNLayers: 1,
      cropNPointsDownscaleFactor: 2,
      predIouThresh: 0,
      stabilityScoreThresh: 0,
      cropNmsThresh: 1,
      // So much that crops see the disc as a whole.
      cropOverlapRatio: 0.9,
      minMaskRegionArea: 50,
    };
    const { results } = await generate({ settings });
    const masks = results[0]?.masks ?? [];
    expect(new Set(masks.map(({ foundAt }) => foundAt.crop)).size).toBeGreaterThan(1);
    for (const mask of masks) {
      const again = await generate({ settings, only: mask.foundAt });
      // A score's last bits depend on how many points are decoded together.
      const score: unknown = expect.closeTo(mask.score, 5);
      expect(again.results).toEqual([{ version: 0, masks: [{ ...mask, score }] }]);
    }
  });

  test("fills holes and removes islands below the area asked for", async () => {
    // Everything that one point finds, good or bad.
    const settings = { ...few, pointsPerSide: 2, predIouThresh: 0, stabilityScoreThresh: 0, boxNmsThresh: 1 };
    const minMaskRegionArea = 400;
    const masksOf = async (asked: typeof settings) =>
      (await generate({ settings: asked })).results[0]?.masks ?? [];
    const needsCleaning = (mask: BinaryMask): boolean =>
      (["holes", "islands"] as const).some(
        (mode) => removeSmallRegions(mask, minMaskRegionArea, mode).changed,
      );
    const rough = await masksOf(settings);
    const clean = await masksOf({ ...settings, minMaskRegionArea });
    expect(rough.map(({ mask }) => decodeRle(mask as RleMask)).filter(needsCleaning)).not.toEqual([]);
    expect(clean.length).toBeGreaterThan(3);
    for (const { bbox, area, mask } of clean) {
      const binary = decodeRle(mask as RleMask);
      expect(needsCleaning(binary)).toBe(false);
      expect([bbox, area]).toEqual([boxOf(binary), areaOf(binary)]);
    }
  });

  test("stops where the masks get larger than an answer may be", async () => {
    expect(await codeOf(() => generate({ maxAnswerBytes: 20 }))).toBe("answer_too_large");
  });

  test("stops when the caller goes", async () => {
    const controller = new AbortController();
    const asked = generate({ settings: { ...few, pointsPerSide: 64 }, signal: controller.signal });
    controller.abort(new Error("gone"));
    await expect(asked).rejects.toThrow("gone");
    // Nothing of the 4096 points is left in the workers: another caller is served at once.
    expect((await disc.predict([{ points: [[150, 140, 1]] }])).results).toHaveLength(1);
  });
});
