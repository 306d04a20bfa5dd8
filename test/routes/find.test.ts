import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { iou } from "../../src/imaging/metrics.ts";
import { decodeRle } from "../../src/imaging/rle.ts";
import type { RleMask } from "../../src/imaging/types.ts";
import { type Answer, errorOf, type TestApp, testApp } from "../helpers/app.ts";
import { seedVersion } from "../helpers/seeds.ts";
import { discProject } from "../worlds/disc-project.ts";
import { disc, finder, findWith, name } from "./known-finder.ts";

let app: TestApp;
let project: string;
let image: string;
beforeAll(async () => {
  app = await testApp({ MAX_PROMPTS: 4, MAX_EVERYTHING_POINTS: 600 });
  const { inference } = app.services;
  Object.assign(inference, { find: findWith((request) => inference.predict(request)), name });
  ({ project, image } = await discProject(app));
  const weights = encodeSafetensors(await baseModel("mobile_sam").decoderWeights());
  await seedVersion(app, project, 1, weights, {}, finder(["stamp", "Seal", null]));
  await seedVersion(app, project, 2, weights, {}, finder(["Stamp"]));
  await seedVersion(app, project, 3, weights);
});
afterAll(() => app?.close());

interface Masks {
  masks: (RleMask & { label?: string | null; label_score?: number })[];
  left_out?: number;
}
interface Result {
  version: number;
  predictions: Masks[];
  found?: Masks;
}
const ask = (json: object): Promise<Answer> =>
  app.a.post(`/v1/projects/${project}/predict`, { image: { id: image }, version: 1, ...json });
const predict = async (json: object): Promise<{ id: string; results: Result[] }> => {
  const answer = await ask(json);
  expect(errorOf(answer)).toBe("200");
  return answer.body as unknown as { id: string; results: Result[] };
};
const first = async (json: object): Promise<Result> => (await predict(json)).results[0]!;
const named = ({ masks }: Masks): unknown[] => masks.map(({ label, label_score }) => [label, label_score]);

describe("the labels of what was drawn", () => {
  it("stand beside its masks where they are asked for and the version sees something there", async () => {
    const prompts = [{ box: disc }, { label: "seal" }, { points: [[110, 5, 1]] }];
    const { predictions } = await first({ prompts, labels: true });
    expect(predictions.map(named)).toEqual([[["stamp", 0.9]], [["Seal", 0.8]], [[undefined, undefined]]]);
    expect(named((await first({ prompts: [{ box: disc }] })).predictions[0]!)).toEqual([
      [undefined, undefined],
    ]);
    const three = (await first({ prompts: [{ box: disc }], labels: true, multimask: true })).predictions[0]!;
    expect(three.masks).toHaveLength(3);
    expect(named(three)).toContainEqual(["stamp", 0.9]);
  });

  it("come of one look of the finder where it finds, too", async () => {
    const prompts = [{ box: disc }, { label: "seal" }];
    const apart = vi.spyOn(app.services.inference, "name");
    const { predictions, found } = await first({ prompts, labels: true, find: true });
    expect(predictions.map(named)).toEqual([[["stamp", 0.9]], [["Seal", 0.8]]]);
    expect(found?.masks).toHaveLength(4);
    expect(apart).not.toHaveBeenCalled();
    expect((await first({ prompts: [{ box: disc }], labels: true })).predictions.map(named)).toEqual([
      [["stamp", 0.9]],
    ]);
    expect(apart).toHaveBeenCalledOnce();
    apart.mockRestore();
  });

  it("are refused for a version that was taught none", async () => {
    const prompts = [{ box: disc }];
    expect(errorOf(await ask({ prompts, labels: true, version: 3 }))).toBe("422 finder_missing version");
    expect(errorOf(await ask({ prompts, labels: true, version: ["base", 1] }))).toBe(
      "422 finder_missing version",
    );
  });
});

describe("predict by the names of labels", () => {
  it("answers every object of the label beside what was drawn, in the order of the prompts", async () => {
    const made = await predict({ prompts: [{ label: "stamp" }, { box: disc }] });
    const [stamps, drawn] = made.results[0]!.predictions as [Masks, Masks];
    expect(named(stamps)).toEqual([
      ["stamp", 0.9],
      ["stamp", 0.6],
    ]);
    expect(stamps.left_out).toBe(0);
    expect(stamps.masks[0]?.counts).toBe(drawn.masks[0]?.counts);
    expect(Object.keys(drawn)).toEqual(["masks"]);
    expect(drawn.masks[0]).not.toHaveProperty("label");
    const { body } = await app.a.get(`/v1/projects/${project}/predictions/${made.id}`);
    expect(body).toMatchObject({ prompt_count: 2, mask_count: 3, format: "rle" });
    expect(body["prompts"]).toEqual([
      {
        label: "stamp",
        found: [
          { version: 1, box: disc, label: "stamp" },
          { version: 1, box: [2, 2, 30, 30], label: "stamp" },
        ],
      },
      { box: disc },
    ]);
  });

  it("forgives case and plural, and keeps to regions, thresholds and the most", async () => {
    const { predictions } = await first({
      prompts: [
        { text: " STAMPS" },
        { label: "stamp", box: [0, 0, 40, 40] },
        { label: "stamp", exclude: [[0, 0, 40, 40]] },
      ],
    });
    expect(predictions.map(({ masks }) => masks.map(({ label_score }) => label_score))).toEqual([
      [0.9, 0.6],
      [0.6],
      [0.9],
    ]);
    const strict = await first({ prompts: [{ label: "stamp" }], find_threshold: 0.7 });
    expect(strict.predictions.map(named)).toEqual([[["stamp", 0.9]]]);
    const few = await first({ prompts: [{ label: "stamp" }], max_objects: 1, format: "polygon" });
    expect(few.predictions).toMatchObject([{ masks: [{ format: "polygon", label: "stamp" }], left_out: 1 }]);
  });

  it("answers all objects of a label as one region", async () => {
    const made = await predict({ prompts: [{ label: "stamps", region: true }, { label: "stamp" }] });
    const [region, objects] = made.results[0]!.predictions as [Masks, Masks];
    expect(region).toMatchObject({ masks: [{ label: "stamp" }], left_out: 0 });
    const [whole, ...parts] = [...region.masks, ...objects.masks].map((mask) => decodeRle(mask).data);
    expect(whole).toEqual(whole!.map((_, i) => Math.max(...parts.map((part) => part[i]!))));
    const [a, b] = (objects.masks as unknown as { area: number }[]).map(({ area }) => area);
    const mean = (0.9 * a! + 0.6 * b!) / (a! + b!);
    expect(region.masks[0]!.label_score).toBeCloseTo(mean, 6);
    const { body } = await app.a.get(`/v1/projects/${project}/predictions/${made.id}`);
    expect(body).toMatchObject({ prompts: [{ label: "stamps", region: true }, { label: "stamp" }] });
    expect((body["prompts"] as { found: unknown[] }[])[0]!.found).toHaveLength(2);
  });

  it("finds all labels, with prompts and without", async () => {
    const { predictions, found } = await first({ find: true });
    expect(predictions).toEqual([]);
    expect(found?.masks.map(({ label }) => label)).toEqual(["stamp", "Seal", "stamp", null]);
    const both = await first({ find: true, prompts: [{ label: "seal" }], max_objects: 2 });
    expect(both).toMatchObject({ predictions: [{ left_out: 0 }], found: { left_out: 2 } });
  });

  it("means each version's own labels", async () => {
    const { results } = await predict({ prompts: [{ label: "stamp" }], version: [2, 1] });
    expect(results.map(({ version, predictions }) => [version, predictions[0]?.masks.length])).toEqual([
      [2, 2],
      [1, 2],
    ]);
  });

  it.each<[string, object, string]>([
    ["a label that nobody taught", { prompts: [{ label: "ship" }] }, "422 label_unknown prompts[0].label"],
    [
      "a label that one version of two has not",
      { prompts: [{ box: disc }, { text: "seal" }], version: [1, 2] },
      "422 label_unknown prompts[1].text",
    ],
    ["a version without a finder", { find: true, version: [1, 3] }, "422 finder_missing version"],
    ["the base", { prompts: [{ label: "stamp" }], version: "base" }, "422 finder_missing version"],
    [
      "label and text",
      { prompts: [{ label: "stamp", text: "stamp" }] },
      "400 invalid_request prompts[0].text",
    ],
    [
      "a label with points",
      { prompts: [{ label: "stamp", points: [[1, 1, 1]] }] },
      "400 invalid_request prompts[0].points",
    ],
    [
      "a label with a mask",
      { prompts: [{ label: "stamp", mask: { format: "rle", size: [90, 120], counts: "0" } }] },
      "400 invalid_request prompts[0].mask",
    ],
    ["an empty label", { prompts: [{ label: " " }] }, "400 invalid_request prompts[0].label"],
    [
      "exclude beside a box",
      { prompts: [{ box: disc, exclude: [disc] }] },
      "400 invalid_request prompts[0].exclude",
    ],
    [
      "a region of what was drawn",
      { prompts: [{ box: disc, region: true }] },
      "400 invalid_request prompts[0].region",
    ],
    [
      "a region of what is like another",
      { prompts: [{ like: { box: disc }, region: true }] },
      "400 invalid_request prompts[0].region",
    ],
    [
      "a region outside",
      { prompts: [{ label: "stamp", box: [120, 0, 130, 9] }] },
      "422 box_outside_image prompts[0].box",
    ],
    [
      "an empty region to leave out",
      { prompts: [{ label: "stamp", exclude: [disc, [9, 9, 9, 9]] }] },
      "422 box_zero_area prompts[0].exclude[1]",
    ],
    ["logits", { find: true, format: "logits" }, "400 invalid_request format"],
    ["nothing at all", {}, "422 prompt_empty prompts"],
    ["not to find, and nothing else", { find: false }, "422 prompt_empty prompts"],
    [
      "more objects than allowed",
      { find: true, prompts: [{ label: "stamp" }], max_objects: 301 },
      "422 too_many_prompts max_objects",
    ],
    ["too many at once", { find: true, max_objects: 501 }, "400 invalid_request max_objects"],
    ["a threshold above one", { find: true, find_threshold: 1.1 }, "400 invalid_request find_threshold"],
  ])("refuses %s and leaves nothing behind", async (_what, json, error) => {
    const before = await app.traces();
    expect(errorOf(await ask(json))).toBe(error);
    expect(await app.traces()).toEqual(before);
  });
});

describe("feedback on found objects", () => {
  const give = (id: string, json: object): Promise<Answer> =>
    app.a.post(`/v1/projects/${project}/predictions/${id}/feedback`, json);
  const annotation = async ({ body }: Answer) =>
    (await app.a.get(`/v1/projects/${project}/annotations/${String(body["annotation_id"])}`)).body;

  it("makes each an annotation with its label, judged by itself", async () => {
    const made = await predict({ prompts: [{ label: "Stamps", box: [0, 0, 120, 90] }], version: [2, 1] });
    const masks = made.results[1]!.predictions[0]!.masks;
    const said = await give(made.id, { action: "accept", version: 1, mask_index: 1 });
    expect(errorOf(said)).toBe("201");
    expect(said.body).toMatchObject({
      prompt_index: 0,
      mask_index: 1,
      version: 1,
      iou: 1,
      prompt: { label: "Stamps", box: [2, 2, 30, 30] },
    });
    expect(said.body["prompt"]).not.toHaveProperty("found");
    const stored = await annotation(said);
    expect(stored).toMatchObject({ label: "stamp", source: "feedback" });
    expect((stored["mask"] as RleMask).counts).toBe(masks[1]?.counts);

    const none = await give(made.id, { action: "accept", version: 1, mask_index: 0, label: null });
    expect((await annotation(none))["label"]).toBeNull();
    const other = await give(made.id, { action: "accept", version: 1, mask_index: 0, label: "postmark" });
    expect((await annotation(other))["label"]).toBe("postmark");
    expect((await annotation(said))["id"]).toBe(stored["id"]);
    expect(errorOf(await give(made.id, { action: "reject", version: 1, mask_index: 1 }))).toBe("201");
    expect((await annotation(said))["error"]).toMatchObject({ code: "annotation_not_found" });
    expect((await annotation(other))["label"]).toBe("postmark");
  });

  it("counts what was found of all labels behind the prompts", async () => {
    const made = await predict({ prompts: [{ box: disc }], find: true });
    const right = made.results[0]!.found!.masks[0]!;
    const { format, size, counts } = right;
    const said = await give(made.id, {
      action: "correct",
      prompt: 1,
      mask_index: 1,
      mask: { format, size, counts },
    });
    expect(errorOf(said)).toBe("201");
    expect(said.body).toMatchObject({ prompt: { find: true, box: [90, 60, 118, 88] } });
    expect(await annotation(said)).toMatchObject({ label: "Seal", mask: { counts } });
    for (const place of [{ prompt: 2 }, { prompt: 1, mask_index: 4 }, { prompt: 0, mask_index: 1 }])
      expect(errorOf(await give(made.id, { action: "accept", ...place }))).toBe(
        "422 prediction_mask_unknown",
      );
  });

  it("makes a region one annotation, made again of its parts", async () => {
    const made = await predict({ prompts: [{ label: "stamp", region: true }] });
    const { counts } = made.results[0]!.predictions[0]!.masks[0]!;
    const said = await give(made.id, { action: "accept" });
    expect(errorOf(said)).toBe("201");
    expect(said.body).toMatchObject({ iou: 1, prompt: { label: "stamp", region: true } });
    expect(await annotation(said)).toMatchObject({ label: "stamp", mask: { counts } });
    expect(errorOf(await give(made.id, { action: "accept", mask_index: 1 }))).toBe(
      "422 prediction_mask_unknown",
    );
    const mask = { format: "prediction", id: made.id, prompt: 0, mask: 0 };
    expect(errorOf(await ask({ prompts: [{ mask }] }))).toBe("422 prediction_mask_unknown prompts[0].mask");
  });

  it("lets a prompt start from a found mask", async () => {
    const made = await predict({ prompts: [{ label: "stamp" }] });
    const mask = (place: number) => ({ format: "prediction", id: made.id, prompt: 0, mask: place });
    const { predictions } = await first({ prompts: [{ mask: mask(0), points: [[60, 45, 1]] }] });
    const [before, after] = [made.results[0]!, { predictions }].map((one) => one.predictions[0]!.masks[0]!);
    expect(iou(decodeRle(after!), decodeRle(before!))).toBeGreaterThan(0.8);
    expect(errorOf(await ask({ prompts: [{ mask: mask(2) }] }))).toBe(
      "422 prediction_mask_unknown prompts[0].mask",
    );
  });
});
