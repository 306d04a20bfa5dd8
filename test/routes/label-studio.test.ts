import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import type { Finder } from "../../src/domain/finder.ts";
import { decodeBrush, encodeBrush } from "../../src/imaging/brush-rle.ts";
import { iou } from "../../src/imaging/metrics.ts";
import type { Box } from "../../src/imaging/types.ts";
import type { FindRequest, FindResult } from "../../src/inference/find/types.ts";
import { type Answer, errorOf, idOf, type TestApp, testApp } from "../helpers/app.ts";
import { makeProject, seedVersion } from "../helpers/seeds.ts";
import { asPng, discImage, rectangleMask } from "../worlds/images.ts";
import { studioMessage, type StudioPredict } from "../worlds/label-studio.ts";

interface Region {
  type: string;
  from_name: string;
  value: Record<"x" | "y" | "width" | "height", number> & {
    rle: number[];
    points: [number, number][];
    brushlabels: string[];
    polygonlabels: string[];
  };
}
interface Prediction {
  result: Region[];
  model_version: string;
  score: number;
  error?: { code: string; param?: string };
}
let app: TestApp;
let project: string;
let image: string;
let at: string;
const [width, height] = [120, 90];
const drawn = discImage(width, height, { x: 60, y: 45, radius: 25 });
const disc: Box = [35, 20, 85, 70];

/** A finder whose peak is known beforehand; what becomes of it is real. */
async function find({ asks, versions, ...request }: FindRequest): Promise<FindResult> {
  const prompts = [{ box: disc }];
  const results = await Promise.all(
    versions.map(async (version) => {
      const made = await app.services.inference.predict({
        ...request,
        versions: [version],
        prompts,
        multimask: false,
      });
      const mask = made.results[0]!.predictions[0]!.masks[0]!;
      const objects = ["stamp", "dog"].map((label) => ({ ...mask, label, labelScore: 0.75, prompt: disc }));
      return { version: version.number, asks: asks.map(() => ({ objects, left: 0 })) };
    }),
  );
  const timingMs = { queue: 0, embed: 1, decode: 2, encode: 1, total: 4 };
  return { width, height, results, embeddingFrom: "memory", timingMs };
}

beforeAll(async () => {
  app = await testApp();
  Object.assign(app.services.inference, { find });
  project = await makeProject(app.a);
  at = `/label-studio/${project}`;
  const body = Uint8Array.from(await asPng(drawn.image));
  const headers = { "content-type": "image/png", "x-file-name": "page 1.png" };
  image = idOf(
    await app.a.send("POST", `/v1/projects/${project}/images?file_name=page%201.png`, { body, headers }),
  );
});
afterAll(() => app?.close());

const post = (path: string, json: unknown): Promise<Answer> => app.a.post(`${at}/${path}`, json);
const predictions = async (json: unknown): Promise<Prediction[]> => {
  const answer = await post("predict", json);
  expect(errorOf(answer)).toBe("200");
  return answer.body["results"] as Prediction[];
};
const only = async (json: unknown): Promise<Region> => {
  const [prediction, ...others] = await predictions(json);
  expect([others.length, prediction?.result.length]).toEqual([0, 1]);
  return prediction!.result[0]!;
};
const config = (...tags: string[]): string =>
  `<View><Image name="picture" value="$image"/>${tags
    .map((tag, i) => `<${tag} name="c${i}" toName="picture"><Label value="stamp"/></${tag}>`)
    .join("")}</View>`;
const asking = (change: Partial<StudioPredict> = {}): StudioPredict => ({
  ...studioMessage("predict"),
  ...change,
});
type StudioContext = StudioPredict["params"]["context"];
const withRegion = (...result: Record<string, unknown>[]): StudioPredict["params"] => ({
  context: { result },
});
const keypoint = {
  type: "keypointlabels",
  is_positive: true,
  value: { x: 50, y: 50, width: 0.3, keypointlabels: ["stamp"] },
};

it("is up, names its versions, and takes a labelling interface that it can draw for", async () => {
  for (const path of [at, `${at}/health`])
    expect((await app.a.get(path)).body).toEqual({ status: "UP", model_class: "maskwright" });
  expect((await app.a.get(`${at}/versions`)).body).toEqual({ versions: ["maskwright-base"] });
  expect((await post("setup", studioMessage("setup"))).body).toEqual({ model_version: "maskwright-base" });
  expect(errorOf(await app.a.post("/label-studio/prj_none/setup", studioMessage("setup")))).toBe(
    "404 project_not_found project_id",
  );
  const setup = (schema: string): Promise<Answer> => post("setup", { project: "1.2", schema });
  for (const schema of ["<View/>", "<View", `<View><Text name="t" value="$text"/></View>`])
    expect(errorOf(await setup(schema))).toBe("422 label_config_unsupported schema");
});

it("takes the key as basic authentication's password here, and nowhere else", async () => {
  const ask = async (path: string, authorization: string): Promise<number> =>
    (await app.app.request(path, { headers: { authorization } })).status;
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`;
  expect(await ask(at, basic(`anybody:${app.a.key}`))).toBe(200);
  expect(await ask("/v1/projects", basic(`anybody:${app.a.key}`))).toBe(401);
  for (const wrong of [
    basic(`${app.a.key}:anybody`),
    basic(`a:${app.a.key}x`),
    basic(app.a.key),
    "Basic !",
    "Basic",
  ])
    expect(await ask(at, wrong)).toBe(401);
});

describe("predict", () => {
  it("answers the message that Label Studio sends of a keypoint and a rectangle with a brush", async () => {
    const region = await only(asking());
    expect(region).toMatchObject({
      type: "brushlabels",
      from_name: "brush",
      to_name: "picture",
      original_width: width,
      original_height: height,
      image_rotation: 0,
      readonly: false,
      value: { format: "rle", brushlabels: ["stamp"] },
    });
    const mask = decodeBrush(Uint8Array.from(region.value.rle), width, height);
    expect(iou(mask, drawn.mask)).toBeGreaterThan(0.9);
  });

  it("draws what the labelling interface has: polygons, rectangles, or the control that has the label", async () => {
    const polygon = await only(asking({ label_config: config("PolygonLabels") }));
    expect(polygon.value.polygonlabels).toEqual(["stamp"]);
    const xs = polygon.value.points.map(([x]) => (x * width) / 100);
    expect(Math.abs(Math.min(...xs) - disc[0])).toBeLessThan(3);
    expect(Math.abs(Math.max(...xs) - disc[2])).toBeLessThan(3);
    const { value } = await only(asking({ label_config: config("RectangleLabels") }));
    const box = [value.x * 1.2, value.y * 0.9, (value.x + value.width) * 1.2, (value.y + value.height) * 0.9];
    for (const [i, side] of box.entries()) expect(Math.abs(side - disc[i]!)).toBeLessThan(3);
    const both = config("BrushLabels", "PolygonLabels").replace(
      `<Label value="stamp"/>`,
      `<Label value="seal"/>`,
    );
    expect((await only(asking({ label_config: both }))).from_name).toBe("c1");
  });

  it("takes a brush region as a mask, its strokes as points, and what a newer backend writes", async () => {
    const rle = [...encodeBrush(rectangleMask(width, height, disc), [0, 0, width, height], [height, width])];
    const strokes = [
      { type: "add", relativePoints: [45, 50, 50, 50, 55, 50] },
      { type: "eraser", relativePoints: [5, 5, 95, 5] },
    ];
    const brush = {
      type: "brushlabels",
      value: { format: "rle", rle, touches: strokes, brushlabels: ["stamp"] },
    };
    const newer = { type: "keypointlabels", value: { x: 50, y: 50, positive: true } };
    for (const [params, labels] of [
      [withRegion(brush), ["stamp"]],
      [withRegion(newer), []],
    ] as const) {
      const region = await only(asking({ params }));
      const mask = decodeBrush(Uint8Array.from(region.value.rle), width, height);
      expect(iou(mask, drawn.mask)).toBeGreaterThan(0.8);
      expect(region.value.brushlabels).toEqual(labels);
    }
  });

  it("prepares the image for event: prewarm", async () => {
    // The second as label-studio-ml-backend's own test has it: where it stands in a film, and no result.
    const film: object = { event: "prewarm", frame: 0, window: 10 };
    for (const context of [{ event: "prewarm", result: [] }, film as StudioContext]) {
      const [made] = await predictions(asking({ params: { context } }));
      expect(made).toMatchObject({
        result: [{ type: "prewarm_ack", value: { status: "ok", cached: [0], pending: [] } }],
      });
    }
  });

  it.each<[string, object]>([
    ["uploaded to Label Studio", { image: "/data/upload/3/0a1b2c3d-page%201.png" }],
    ["in its local storage", { image: "/data/local-files/?d=scans/page%201.png" }],
    ["by a URL that nobody fetches", { image: "http://127.0.0.1:9/nothing/page%201.png" }],
    ["in a bucket", { image: "s3://bucket/scans/page 1.png" }],
  ])("knows its own image: %s", async (_, data) => {
    await only(asking({ tasks: [{ id: 1, data: data as Record<string, unknown> }] }));
  });

  it("knows its own image by id and by link", async () => {
    const link = await app.a.send("POST", `/v1/projects/${project}/images/${image}/link`);
    for (const data of [{ maskwright_id: image, image: "x" }, { image: String(link.body["url"]) }])
      await only(asking({ tasks: [{ id: 1, data }] }));
  });

  const rle = [...encodeBrush(rectangleMask(20, 10, [2, 2, 6, 6]), [0, 0, 20, 10], [10, 20])];
  it.each<[string, Partial<StudioPredict> & Record<string, unknown>, string]>([
    [
      "an image that is not there",
      { tasks: [{ id: 1, data: { image: "other.png" } }] },
      "404 image_not_found tasks[0].data.image",
    ],
    ["no image", { tasks: [{ id: 1, data: { text: "x" } }] }, "404 image_not_found tasks[0].data.image"],
    [
      "another's id",
      { tasks: [{ id: 1, data: { maskwright_id: "img_x" } }] },
      "404 image_not_found tasks[0].data.maskwright_id",
    ],
    ["no interface", { label_config: "<View/>" }, "422 label_config_unsupported label_config"],
    ["a version that is not there", { model_version: "maskwright-9" }, "404 version_not_found version"],
    [
      "a turned image",
      { params: withRegion({ ...keypoint, image_rotation: 90 }) },
      "400 invalid_request params.context.result[0].image_rotation",
    ],
    [
      "another image's size",
      { params: withRegion({ ...keypoint, original_width: 7, original_height: 7 }) },
      "422 mask_size_mismatch params.context.result[0].original_width",
    ],
    [
      "a point outside",
      { params: withRegion({ type: "keypoint", value: { x: 150, y: 50 } }) },
      "422 point_outside_image params.context.result[0].value",
    ],
    [
      "a rectangle outside",
      { params: withRegion({ type: "rectangle", value: { x: 150, y: 50, width: 9, height: 9 } }) },
      "422 box_outside_image params.context.result[0].value",
    ],
    [
      "a brush of another size",
      { params: withRegion({ type: "brush", value: { rle } }) },
      "422 mask_rle_invalid params.context.result[0].value.rle",
    ],
    [
      "a region without a shape",
      { params: withRegion({ type: "choices", value: {} }) },
      "422 prompt_empty params.context.result",
    ],
    ["no tasks", { tasks: [] }, "400 invalid_request tasks"],
  ])("refuses %s", async (_, change, error) => {
    expect(errorOf(await post("predict", asking(change)))).toBe(error);
  });

  it("finds nothing by itself with the base, and with a version's finder what the interface has labels for", async () => {
    const asked = asking({ params: { context: null } });
    expect(await predictions(asked)).toEqual([]);
    const weights = encodeSafetensors(await baseModel("mobile_sam").decoderWeights());
    const finder: Finder = {
      key: "x",
      sha256: "x",
      bytes: 1,
      labels: ["stamp", "dog"],
      pool: 1,
      threshold: 0.25,
      calibration: { slope: 1, offset: 0 },
    };
    await seedVersion(app, project, 1, weights, {}, finder);
    const version = { model_version: "maskwright-1" };
    const [found] = await predictions({ ...asked, ...version });
    expect(found).toMatchObject({ model_version: "maskwright-1", score: 0.75 });
    expect(found?.result.map(({ value }) => value.brushlabels)).toEqual([["stamp"]]);
    // One bad task among several takes nothing from the others, and Label Studio logs what stands in its place.
    const unknown = { id: 2, data: { image: "other.png" } };
    const several = await predictions({ ...asked, ...version, tasks: [...asked.tasks, unknown] });
    expect(several.map(({ result, error }) => result?.length ?? error?.code)).toEqual([1, "image_not_found"]);
    const many = Array.from({ length: 17 }, () => unknown);
    expect(await predictions({ ...asked, ...version, tasks: many })).toHaveLength(1);
    expect((await app.a.get(`${at}/versions`)).body).toEqual({
      versions: ["maskwright-base", "maskwright-1"],
    });
  });

  it("reads tasks with drafts and predictions of any size beside what it needs", async () => {
    const bytes = Array.from({ length: 200_000 }, (_, i) => i % 256);
    const [task] = asking().tasks;
    const heavy = {
      ...task!,
      predictions: [{ result: [{ value: { rle: bytes } }] }],
      drafts: "x".repeat(5000),
    };
    await only(asking({ tasks: [heavy] }));
  });
});
