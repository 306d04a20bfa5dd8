import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Image } from "../../src/console/api/types.ts";
import { canFind, Everything, saidOf } from "../../src/console/state/everything.ts";
import { Sketch } from "../../src/console/state/sketch.ts";
import { encodeRle } from "../../src/imaging/rle.ts";

const [width, height] = [8, 6];
/** A mask as an answer has it: its first `count` pixels. */
const answered = (count: number, more: object = {}) => ({
  ...encodeRle({ width, height, data: new Uint8Array(width * height).fill(1, 0, count) }),
  score: 0.5,
  area: count,
  bbox: [0, 0, 1, 1],
  ...more,
});

let asked: [string, Record<string, unknown>][];
let sketch: Sketch;
let everything: Everything;
const answers: Record<string, object> = {
  predict: {
    id: "pred_1",
    results: [
      {
        version: 1,
        predictions: [{ masks: [answered(6, { label: "seal", label_score: 0.7 })], left_out: 0 }],
        found: {
          masks: [
            answered(4, { label: "stamp", label_score: 0.91 }),
            answered(9, { label: null, label_score: 0.4 }),
          ],
          left_out: 0,
        },
      },
    ],
  },
  "segment-everything": { id: "pred_2", results: [{ version: 1, masks: [answered(30), answered(3)] }] },
  feedback: { annotation_id: "ann_1" },
};
beforeEach(() => {
  asked = [];
  vi.stubGlobal("location", { origin: "http://console.test" });
  vi.stubGlobal("fetch", async (request: Request) => {
    const path = new URL(request.url).pathname;
    asked.push([path, (await request.json()) as Record<string, unknown>]);
    return Response.json(answers[path.split("/").at(-1) as string]);
  });
  sketch = new Sketch("prj_1", { id: "img_1", width, height } as Image, 1);
  everything = new Everything(sketch);
});
afterEach(() => vi.unstubAllGlobals());

describe("what is like a saved object", () => {
  it("is shown one by one, and accepted as that object of that answer", async () => {
    await everything.like("ann_9");
    const prompts = [{ like: { annotation: "ann_9" } }];
    const body = { image: { id: "img_1" }, version: "active", prompts, max_objects: 500 };
    expect(asked).toEqual([["/v1/projects/prj_1/predict", body]]);
    expect(everything.what.value).toBe("similar objects");
    expect(everything.shown.value).toMatchObject({
      found: { label: "seal", score: 0.7 },
      from: { id: "pred_1", prompt: 0, mask: 0 },
    });
  });
});

describe("what a version finds by itself", () => {
  it("is shown one by one with its label, and accepted as that object of that answer", async () => {
    await everything.find();
    const body = { image: { id: "img_1" }, version: "active", find: true, max_objects: 500 };
    expect(asked).toEqual([["/v1/projects/prj_1/predict", body]]);
    expect(everything.found.value).toBe(2);
    expect(everything.shown.value?.found).toEqual({ label: "stamp", score: 0.91 });
    expect(saidOf(everything.shown.value!.found!)).toBe("stamp 0.91");
    expect(sketch.label.value).toBe("stamp");
    everything.skip();
    expect(saidOf(everything.shown.value!.found!)).toBe("object 0.40");
    expect(sketch.label.value).toBe("");
    const accepted = await sketch.accept();
    everything.judged(accepted!.candidate);
    expect(asked.at(-1)).toEqual([
      "/v1/projects/prj_1/predictions/pred_1/feedback",
      { action: "accept", prompt: 0, mask_index: 1, label: null },
    ]);
    expect(everything.open.value).toBe(false);
    expect(everything.shown.value).toBeNull();
  });

  it("leaves out what is saved already", async () => {
    await everything.find();
    await sketch.accept();
    await everything.find();
    expect(everything.left.value?.map(({ area }) => area)).toEqual([9]);
  });

  it("can be asked of the versions that have a finder", () => {
    const finder = { labels: ["stamp"], threshold: 0.5, pool: 1 };
    const versions = [
      { number: 1, finder: null },
      { number: 2, finder },
    ];
    const can = (chosen: "active" | "base" | number, live: number | null) => canFind(versions, chosen, live);
    expect([can("active", 2), can(2, null)]).toEqual([true, true]);
    expect([can("active", 1), can("active", null), can("base", 2), can(1, 2)]).toEqual(Array(4).fill(false));
  });
});

it("segment-everything shows the smaller first where another fills most of the image, and keeps the label", async () => {
  sketch.label.value = "mine";
  await everything.start();
  expect(everything.left.value?.map(({ area }) => area)).toEqual([3, 30]);
  expect(sketch.draft.value.prediction).toEqual({ id: "pred_2", prompt: 1 });
  expect([sketch.label.value, everything.shown.value?.found]).toEqual(["mine", undefined]);
});
