import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Inference } from "../../../src/inference/inference.ts";
import { encodeRle } from "../../../src/imaging/rle.ts";
import { boxOf } from "../../../src/imaging/geometry.ts";
import { sha256 } from "../../../src/lib/hash.ts";
import { scoreVersions } from "../../../src/training/evaluation/box-scores.ts";
import { evaluate, promptMetrics, withAllKinds } from "../../../src/training/evaluation/evaluation.ts";
import { scoreKinds } from "../../../src/training/evaluation/prompt-kinds.ts";
import type { Score } from "../../../src/training/evaluation/score.ts";
import { type Sample, samplesOf } from "../../../src/training/data/samples.ts";
import { groupKey } from "../../../src/training/data/split.ts";
import { asPng, discImage } from "../../worlds/images.ts";
import { testInference } from "../../helpers/inference.ts";
import { localTestStore } from "../../helpers/objects.ts";
import { row, snapshotOf } from "../fixtures.ts";

const score = (iou: number): Score => ({ iou, dice: iou, boundaryIou: iou, predictedIou: 0.5 });
const all = (rows: Parameters<typeof snapshotOf>[0]): Sample[] => {
  const snapshot = snapshotOf(rows);
  return samplesOf(snapshot, snapshot.images);
};

describe("which annotations every kind of prompt is tried on", () => {
  const crowded = all([
    ...Array.from({ length: 50 }, (_, i) => row("crowded", { annotation: `ann_crowded_${i}` })),
    ...Array.from({ length: 9 }, (_, i) => row(`${i}`)),
  ]);

  it("are all while they are few, in their order", () => {
    expect(withAllKinds({ heldOut: crowded, groupOf: groupKey }, 59)).toEqual(crowded);
  });

  it("are of as many groups as there are, and the same each time", () => {
    const some = withAllKinds({ heldOut: crowded, groupOf: groupKey }, 12);
    expect(some).toHaveLength(12);
    expect(new Set(some.map(({ image }) => image.id)).size).toBe(10);
    expect(withAllKinds({ heldOut: crowded, groupOf: groupKey }, 12)).toEqual(some);
  });
});

describe("the figures of one kind of prompt", () => {
  it("compare sample by sample, with an interval over groups", () => {
    const samples = all(Array.from({ length: 12 }, (_, i) => row(`${i}`, { group: `page ${i % 6}` })));
    const metrics = promptMetrics(
      {
        kind: "box",
        samples,
        base: samples.map((_, i) => score(0.05 * i)),
        tuned: samples.map((_, i) => score(0.05 * i + 0.2)),
      },
      groupKey,
    );
    expect(metrics).toMatchObject({ kind: "box", annotations: 12, groups: 6 });
    expect(metrics.base.meanIou).toBeCloseTo(0.275, 12);
    expect(metrics.tuned.meanIou).toBeCloseTo(0.475, 12);
    // Every sample gained the same: however far they lie apart, nothing is in doubt.
    for (const gain of Object.values(metrics.gain)) {
      expect(gain.mean).toBeCloseTo(0.2, 12);
      expect(gain.low).toBeCloseTo(0.2, 12);
      expect(gain.high).toBeCloseTo(0.2, 12);
    }
  });
});

describe("an evaluation of the real MobileSAM", () => {
  let inference: Inference;
  let storage: Awaited<ReturnType<typeof localTestStore>>;
  let samples: Sample[];
  const options = { workspaceId: "ws_1", baseModel: "mobile_sam", signal: new AbortController().signal };
  beforeAll(async () => {
    storage = await localTestStore();
    inference = await testInference(storage.store);
    const rows = [];
    for (const [i, radius] of [30, 45].entries()) {
      const { image, mask } = discImage(200, 160, { x: 90 + 10 * i, y: 80, radius, seed: i });
      const bytes = await asPng(image);
      const objectKey = `images/${i}`;
      await storage.store.put(objectKey, bytes);
      const { image: stored, annotation } = row(`${i}`);
      rows.push({
        image: { ...stored, objectKey, sha256: sha256(bytes), width: 200, height: 160 },
        annotation: { ...annotation, counts: encodeRle(mask).counts, box: [...boxOf(mask)] as never },
      });
    }
    samples = all(rows);
  });
  afterAll(async () => {
    await inference?.close();
    await storage?.close();
  });
  const deps = () => ({ inference, store: storage.store });

  it("tries each kind of prompt, and finds clear discs by all of them", async () => {
    const seen: number[] = [];
    const [first, again] = await scoreKinds(deps(), samples, {
      ...options,
      versions: [{ number: 0 }, { number: 0 }],
      onDone: async (done) => void seen.push(done),
    });
    expect(Object.keys(first ?? {})).toEqual(["jittered_box", "one_click", "three_clicks", "click_refine"]);
    for (const scores of Object.values(first ?? {})) {
      expect(scores).toHaveLength(2);
      for (const one of scores) expect(one.iou).toBeGreaterThan(0.9);
    }
    expect(again).toEqual(first);
    expect(seen).toEqual([1, 2]);
    const [box] = await scoreVersions(deps(), samples, { ...options, versions: [{ number: 0 }] });
    // They are different prompts: no two kinds gave the same answers.
    const kinds = [box, ...Object.values(first ?? {})].map((scores) =>
      (scores ?? []).map((one) => one.predictedIou).join(),
    );
    expect(new Set(kinds).size).toBe(5);
  });

  it("finds no gain anywhere when it compares a decoder with itself", async () => {
    const [box] = await scoreVersions(deps(), samples, { ...options, versions: [{ number: 0 }] });
    if (!box) throw new Error("not scored");
    const { prompts, perImage, examples } = await evaluate(
      deps(),
      { heldOut: samples, groupOf: groupKey },
      { ...options, base: { number: 0 }, tuned: { number: 0 }, box: { base: box, tuned: box } },
    );
    expect(prompts.map(({ kind }) => kind)).toEqual([
      "box",
      "jittered_box",
      "one_click",
      "three_clicks",
      "click_refine",
    ]);
    for (const { gain, base, tuned, annotations, groups } of prompts) {
      expect(gain.iou).toEqual({ mean: 0, low: 0, high: 0 });
      expect(tuned).toEqual(base);
      expect([annotations, groups]).toEqual([2, 2]);
    }
    expect(perImage).toHaveLength(10);
    expect(perImage.every(({ baseIou, tunedIou }) => baseIou === tunedIou && baseIou > 0.9)).toBe(true);
    expect(samples.map(({ annotation }) => annotation.id)).toEqual(
      expect.arrayContaining(Object.values(examples)),
    );
  });
});
