import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { sql } from "../../src/db/drizzle.ts";
import { iou } from "../../src/imaging/metrics.ts";
import { polygonsToMask } from "../../src/imaging/polygons.ts";
import { decodeRle, encodeRle } from "../../src/imaging/rle.ts";
import type { BinaryMask, RleMask } from "../../src/imaging/types.ts";
import { type Answer, type Client, errorOf, type TestApp, testApp } from "../helpers/app.ts";
import { makeProject, seedVersion } from "../helpers/seeds.ts";
import { bitsOnImage, cvatMessage } from "../worlds/cvat.ts";
import { asPng, discImage } from "../worlds/images.ts";
import { findWith, finder } from "./known-finder.ts";

interface Found {
  type: string;
  label: string;
  confidence: number;
  points?: number[];
  mask: number[];
}
let app: TestApp;
let project: string;
let at: string;
let image: string;
const [width, height] = [120, 90];
const drawn = discImage(width, height, { x: 60, y: 45, radius: 25 });

beforeAll(async () => {
  app = await testApp();
  const { inference } = app.services;
  Object.assign(inference, { find: findWith(inference.predict.bind(inference)) });
  project = await makeProject(app.a);
  at = `/cvat/${project}`;
  image = (await asPng(drawn.image)).toString("base64");
  const weights = encodeSafetensors(await baseModel("mobile_sam").decoderWeights());
  await seedVersion(app, project, 1, weights, {}, finder(["stamp", "Seal", null]));
});
afterAll(() => app?.close());

const ask = (path: string, json: unknown, who: Client = app.a): Promise<Answer> =>
  who.post(`${at}/${path}`, json);
const interact = (change: object = {}): Promise<Answer> =>
  ask("interactor", { ...cvatMessage("interactor"), image, ...change });
const detect = async (change: object = {}): Promise<Found[]> => {
  const answer = await ask("detector?version=1", { ...cvatMessage("detector-default"), image, ...change });
  expect(errorOf(answer)).toBe("200");
  return answer.body as unknown as Found[];
};
/** What `predict` gives for the same. */
const predicted = async (
  body: object,
): Promise<{ mask: BinaryMask; bbox: number[]; label?: string | null }[]> => {
  const { body: answer } = await app.a.post(`/v1/projects/${project}/predict`, {
    image: { base64: image },
    ...body,
  });
  const [{ predictions, found }] = answer["results"] as [
    { predictions: { masks: Mask[] }[]; found?: { masks: Mask[] } },
  ];
  type Mask = RleMask & { bbox: number[]; label?: string | null };
  return [...predictions, ...(found ? [found] : [])]
    .flatMap(({ masks }) => masks)
    .map((mask) => ({
      mask: decodeRle(mask),
      bbox: mask.bbox,
      ...(mask.label !== undefined && { label: mask.label }),
    }));
};

const onImage = (values: readonly number[]): BinaryMask => bitsOnImage(values, [height, width]);

describe("the interactor", () => {
  it("answers what CVAT sends of clicks and a rectangle with the mask that predict gives, to the pixel", async () => {
    const { pos_points: positive, neg_points: negative } = cvatMessage("interactor");
    const points = [...positive.map((p) => [...p, 1]), ...negative.map((p) => [...p, 0])];
    for (const [corners, box] of [
      [
        [
          [34, 19],
          [86, 71],
        ],
        [34, 19, 86, 71],
      ],
      [
        [
          [86, 19],
          [34, 71],
        ],
        [34, 19, 86, 71],
      ],
      [[], undefined],
      [null, undefined],
    ]) {
      const { body } = await interact({ obj_bbox: corners });
      const [made] = await predicted({ prompts: [{ points, box }] });
      const mask = onImage([...(body["mask"] as number[][]).flat(), ...(body["bounds"] as number[])]);
      expect(mask).toEqual(made!.mask);
      const [x0, y0, x1 = 0, y1 = 0] = made!.bbox;
      expect(body["bounds"]).toEqual([x0, y0, x1 - 1, y1 - 1]);
      if (box) expect(iou(mask, drawn.mask)).toBeGreaterThan(0.9);
    }
  });

  it("takes a click alone, a rectangle alone, and another version", async () => {
    const click = { ...cvatMessage("interactor-click"), image };
    for (const path of ["interactor", "interactor?version=base", "interactor?version=1"])
      expect(errorOf(await ask(path, click))).toBe("200");
    const { status } = await ask("interactor", { image, obj_bbox: cvatMessage("interactor").obj_bbox });
    expect(status).toBe(200);
  });

  it("answers a mask without a pixel as one pixel of background, which CVAT can show", async () => {
    const { inference } = app.services;
    const predict = inference.predict.bind(inference);
    const none = encodeRle({ width, height, data: new Uint8Array(width * height) });
    Object.assign(inference, {
      predict: async (request: Parameters<typeof predict>[0]) => {
        const made = await predict(request);
        const [result] = made.results;
        const masks = [{ score: 0.1, bbox: [0, 0, 0, 0], area: 0, mask: none }];
        return { ...made, results: [{ ...result, predictions: [{ masks }] }] };
      },
    });
    try {
      expect((await interact()).body).toEqual({ mask: [[0]], bounds: [0, 0, 0, 0], points: [] });
    } finally {
      Object.assign(inference, { predict });
    }
  });

  it.each<[string, object, string]>([
    ["nothing drawn", { pos_points: [], neg_points: [], obj_bbox: null }, "422 prompt_empty pos_points"],
    [
      "a point outside",
      {
        pos_points: [
          [1, 1],
          [500, 1],
        ],
      },
      "422 point_outside_image pos_points[1]",
    ],
    ["a background point outside", { neg_points: [[1, -9]] }, "422 point_outside_image neg_points[0]"],
    [
      "a rectangle outside",
      {
        obj_bbox: [
          [200, 1],
          [300, 9],
        ],
      },
      "422 box_outside_image obj_bbox",
    ],
    [
      "a rectangle without area",
      {
        obj_bbox: [
          [9, 9],
          [9, 9],
        ],
      },
      "422 box_zero_area obj_bbox",
    ],
    ["half a rectangle", { obj_bbox: [[9, 9]] }, "400 invalid_request obj_bbox"],
    ["a point of three", { pos_points: [[1, 2, 3]] }, "400 invalid_request pos_points[0]"],
    ["no image", { image: undefined }, "400 invalid_request image"],
    ["what is no base64", { image: "!" }, "400 invalid_request image"],
    ["what is no image", { image: "AAAA" }, "415 image_format_unsupported image"],
  ])("refuses %s", async (_, change, error) => {
    expect(errorOf(await interact(change))).toBe(error);
  });

  it("refuses too many points, a version that is not there, and no JSON", async () => {
    const many = Array.from({ length: 1000 }, () => [1, 1]);
    expect(errorOf(await interact({ pos_points: many, neg_points: many }))).toBe(
      "422 too_many_points pos_points",
    );
    const message = { ...cvatMessage("interactor"), image };
    expect(errorOf(await ask("interactor?version=9", message))).toBe("404 version_not_found version");
    expect(errorOf(await ask("interactor?version=x", message))).toBe("400 invalid_request version");
    expect(errorOf(await app.a.send("POST", `${at}/interactor`, { body: "x" }))).toMatch(/^4(00|15) /);
  });
});

describe("the detector", () => {
  it("answers with predict's masks of all that the version finds, cut to their boxes, with outlines", async () => {
    const found = await detect();
    const made = await predicted({ find: true, version: 1 });
    expect(found.map(({ type, label }) => [type, label])).toEqual(
      made.map(({ label }) => ["mask", label ?? "object"]),
    );
    for (const [i, { mask, points }] of found.entries()) {
      expect(onImage(mask)).toEqual(made[i]!.mask);
      const outline = polygonsToMask([points!], width, height);
      expect(iou(outline, made[i]!.mask)).toBeGreaterThan(0.8);
    }
    expect(found.map(({ confidence }) => confidence)).toEqual([0.9, 0.8, 0.6, 0.3]);
  });

  it("takes CVAT's threshold", async () => {
    const { threshold } = cvatMessage("detector");
    const found = await detect({ threshold });
    expect(found.map(({ confidence }) => confidence)).toEqual([0.9, 0.8]);
  });

  it("has a finder missing with the base, and refuses what is no image", async () => {
    const message = { ...cvatMessage("detector"), image };
    expect(errorOf(await ask("detector?version=base", message))).toBe("422 finder_missing version");
    expect(errorOf(await ask("detector?version=1", { image: "AAAA" }))).toBe(
      "415 image_format_unsupported image",
    );
    expect(errorOf(await ask("detector?version=1", { image, threshold: 2 }))).toBe(
      "400 invalid_request threshold",
    );
  });
});

it("names a version's labels as a function's spec does", async () => {
  expect((await app.a.get(`${at}?version=1`)).body).toEqual({
    version: 1,
    labels: [
      { id: 1, name: "stamp", type: "mask" },
      { id: 2, name: "Seal", type: "mask" },
      { id: 3, name: "object", type: "mask" },
    ],
  });
  expect((await app.a.get(`${at}?version=base`)).body).toEqual({ version: "base", labels: [] });
  expect(errorOf(await app.a.get(`${at}?version=7`))).toBe("404 version_not_found version");
});

it("stands in the log of predictions, asks for the scope predict, and opens nothing of another workspace", async () => {
  const count = async (): Promise<number> => {
    await app.services.predictionLog.flush();
    const [row] = await app.db.execute(
      sql`select count(*)::int as n from predictions where answer_bytes > 0`,
    );
    return Number(row?.["n"]);
  };
  const before = await count();
  await interact();
  await detect();
  expect(await count()).toBe(before + 2);
  const [reader, predictor] = [
    await app.clientOf(app.a.workspaceId, ["read"]),
    await app.clientOf(app.a.workspaceId, ["predict"]),
  ];
  const message = { ...cvatMessage("interactor"), image };
  expect(errorOf(await ask("interactor", message, reader))).toBe("403 scope_missing");
  expect(errorOf(await ask("interactor", message, predictor))).toBe("200");
  expect(errorOf(await ask("interactor", message, app.b))).toBe("404 project_not_found project_id");
});

it("holds memory for what it sends, and gives it back", async () => {
  const { memory, config } = app.services;
  await interact();
  await detect();
  expect(memory.used).toBe(0);
  const small = { MAX_ANSWER_BYTES: 4000 };
  const limit = config.MAX_ANSWER_BYTES;
  Object.assign(config, small);
  try {
    expect(errorOf(await interact())).toBe("422 answer_too_large image");
    expect(memory.used).toBe(0);
  } finally {
    Object.assign(config, { MAX_ANSWER_BYTES: limit });
  }
});
