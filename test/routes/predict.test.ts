import { sql } from "../../src/db/drizzle.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApp } from "../../src/app.ts";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import type { NamedTensor } from "../../src/checkpoint/named-tensors.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { decodeRle } from "../../src/imaging/rle.ts";
import { iou } from "../../src/imaging/metrics.ts";
import type { BinaryMask, LogitsMask, RleMask } from "../../src/imaging/types.ts";
import { errorOf, idOf, read, type TestApp, testApp } from "../helpers/app.ts";
import { asPng, discImage } from "../worlds/images.ts";
import { makeProject, seedVersion } from "../helpers/seeds.ts";
import { around, discProject } from "../worlds/disc-project.ts";

let app: TestApp;
let project: string;
let url: string;
let image: string;
let truth: BinaryMask;
let bytes: Uint8Array<ArrayBuffer>;
beforeAll(async () => {
  app = await testApp({ MAX_PROMPTS: 4, MAX_ANSWER_BYTES: 300_000 });
  ({ project, image, truth, bytes } = await discProject(app));
  url = `/v1/projects/${project}/predict`;
});
afterAll(() => app?.close());

interface Prediction {
  id: string;
  image: unknown;
  results: {
    version: number | "base";
    predictions: { masks: (RleMask & { score: number; bbox: number[]; area: number })[] }[];
  }[];
  timing_ms: Record<string, number>;
}
const predict = async (json: object): Promise<{ prediction: Prediction; headers: Headers }> => {
  const answer = await app.a.post(url, { image: { id: image }, ...json });
  expect(errorOf(answer)).toBe("200");
  return { prediction: answer.body as unknown as Prediction, headers: answer.headers };
};

describe("POST predict", () => {
  it("finds the disc in its box, and says with what and how long", async () => {
    const { prediction, headers } = await predict({ prompts: [{ box: around }] });
    expect(prediction).toMatchObject({
      id: expect.stringMatching(/^pred_/),
      object: "prediction",
      image: { id: image, width: 120, height: 90, sha256: expect.any(String) },
      results: [{ version: "base", predictions: [{ masks: [{ format: "rle", size: [90, 120] }] }] }],
    });
    const mask = prediction.results[0]?.predictions[0]?.masks[0];
    expect(iou(decodeRle(mask as RleMask), truth)).toBeGreaterThan(0.9);
    expect(mask?.area).toBeGreaterThan(1500);
    expect(Object.keys(prediction.timing_ms).sort()).toEqual(["decode", "embed", "encode", "queue", "total"]);
    expect(headers.get("x-model-version")).toBe("base");
    const [row] = await app.db.execute(sql`select * from predictions where id = ${prediction.id}`);
    expect(row).toMatchObject({ project_id: project, versions: [0], prompts: 1 });
  });

  it("counts what was answered as used, and nothing else", async () => {
    const used = async (): Promise<number> =>
      ((await app.a.get("/v1/usage")).body["predictions"] as { used: number }).used;
    const before = await used();
    await predict({ prompts: [{ box: around }, { points: [[60, 45, 1]] }], version: ["base", "active"] });
    const grid = { image: { id: image }, point_grids: [[[0.5, 0.5]]] };
    expect(errorOf(await app.a.post(`/v1/projects/${project}/segment-everything`, grid))).toBe("200");
    expect(errorOf(await app.a.post(url, { image: { id: image }, prompts: [] }))).toBe(
      "422 prompt_empty prompts",
    );
    expect(await used()).toBe(before + 2);
    expect((await app.b.get("/v1/usage")).body).toMatchObject({ predictions: { used: 0, limit: null } });
  });

  it("knows at once of an image that went, also on a server that has it in memory, and logs nothing", async () => {
    const drawn = await asPng(discImage(64, 48, { x: 20, y: 20, radius: 9 }).image);
    const id = idOf(
      await app.a.send("POST", `/v1/projects/${project}/images`, { body: Uint8Array.from(drawn) }),
    );
    const other = createApp(app.services);
    const ask = async () =>
      read(
        await other.request(url, {
          method: "POST",
          headers: { authorization: `Bearer ${app.a.key}`, "content-type": "application/json" },
          body: JSON.stringify({ image: { id }, prompts: [{ points: [[20, 20, 1]] }] }),
        }),
      );
    expect(errorOf(await ask())).toBe("200");
    expect(errorOf(await app.a.send("DELETE", `/v1/projects/${project}/images/${id}`))).toBe("200");
    const before = await app.traces();
    expect(errorOf(await ask())).toBe("404 image_not_found image.id");
    expect(await app.traces()).toEqual(before);
  });

  it("answers prompts in their order, three masks for each where asked, in the format asked", async () => {
    const { prediction } = await predict({
      prompts: [
        { points: [[60, 45, 1]] },
        {
          box: around,
          points: [
            [60, 45, 1],
            [5, 5, 0],
          ],
        },
      ],
      multimask: true,
      format: "polygon",
    });
    const { predictions } = prediction.results[0] as Prediction["results"][number];
    expect(predictions.map(({ masks }) => masks.length)).toEqual([3, 3]);
    for (const { masks } of predictions) {
      expect(masks.every((mask) => "polygons" in mask)).toBe(true);
      const scores = masks.map(({ score }) => score);
      expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    }
  });

  it("cuts what reaches over the image's edge, and says so", async () => {
    const points = [
      [60, 45, 1],
      [120.5, 45, 0],
    ];
    const over = await predict({ prompts: [{ box: around }, { box: [100, 20, 121.5, 70], points }] });
    const clipped = [
      { param: "prompts[1].box", to: [100, 20, 120, 70] },
      { param: "prompts[1].points[1]", to: [120, 45, 0] },
    ];
    expect(over.prediction).toMatchObject({ clipped });
    const inside = [points[0], [120, 45, 0]];
    const fitting = await predict({
      prompts: [{ box: around }, { box: [100, 20, 120, 70], points: inside }],
    });
    expect(fitting.prediction).not.toHaveProperty("clipped");
    expect(over.prediction.results).toEqual(fitting.prediction.results);
  });

  it("takes its own answer back as a mask prompt", async () => {
    const first = await predict({ prompts: [{ box: around }], format: "logits" });
    const logits = first.prediction.results[0]?.predictions[0]?.masks[0];
    const { format, shape, dtype, data } = logits as unknown as LogitsMask;
    const mask = { format, shape, dtype, data };
    const { prediction } = await predict({ prompts: [{ box: around, mask }] });
    expect(iou(decodeRle(prediction.results[0]?.predictions[0]?.masks[0] as RleMask), truth)).toBeGreaterThan(
      0.9,
    );
  });

  it("takes an image that came along, and keeps neither it nor its row", async () => {
    const before = await app.traces();
    for (const prefix of ["", "data:image/png;base64,"]) {
      const base64 = prefix + Buffer.from(bytes).toString("base64");
      const { prediction } = await predict({ image: { base64 }, prompts: [{ box: around }] });
      expect(prediction.image).toMatchObject({ id: null, width: 120, height: 90 });
    }
    const after = await app.traces();
    expect({ ...after, predictions: before["predictions"] }).toEqual(before);
  });

  it("answers with several versions side by side, each once", async () => {
    const decoder = await baseModel("mobile_sam").decoderWeights();
    await seedVersion(app, project, 1, encodeSafetensors(decoder));
    // The same, but that it sees the opposite: the last layer of mask token 0's hypernetwork, negated.
    const last = "mask_decoder.output_hypernetworks_mlps.0.layers.2";
    const negated = Object.fromEntries(
      ["weight", "bias"].map((part) => {
        const tensor = decoder[`${last}.${part}`] as NamedTensor;
        return [`${last}.${part}`, { ...tensor, data: tensor.data.map((value) => -value) }];
      }),
    );
    await seedVersion(app, project, 2, encodeSafetensors({ ...decoder, ...negated }));
    await app.a.post(`/v1/projects/${project}/versions/1/promote`, {});
    const { prediction, headers } = await predict({
      prompts: [{ box: around }],
      version: ["base", "active", 2, 1],
    });
    expect(headers.get("x-model-version")).toBe("base,1,2");
    expect(prediction.results.map(({ version }) => version)).toEqual(["base", 1, 2]);
    const masks = prediction.results.map(({ predictions }) => decodeRle(predictions[0]?.masks[0] as RleMask));
    const [base, same, opposite] = masks as [BinaryMask, BinaryMask, BinaryMask];
    expect(same.data).toEqual(base.data);
    expect(iou(opposite, base)).toBe(0);
    const alone = await predict({ prompts: [{ box: around }] });
    expect(alone.headers.get("x-model-version")).toBe("1");
  });

  const good = { box: around };
  it.each<[string, object, string]>([
    ["no prompt", { prompts: [] }, "422 prompt_empty prompts"],
    ["an empty prompt", { prompts: [good, {}] }, "422 prompt_empty prompts[1]"],
    ["a prompt of no points", { prompts: [{ points: [] }] }, "422 prompt_empty prompts[0]"],
    ["too many prompts", { prompts: [good, good, good, good, good] }, "422 too_many_prompts prompts"],
    [
      "more logits than an answer holds",
      { prompts: [good, good], multimask: true, format: "logits" },
      "422 answer_too_large format",
    ],
    [
      "too many points",
      { prompts: [{ points: Array.from({ length: 63 }, () => [1, 1, 1]) }] },
      "422 too_many_points prompts[0].points",
    ],
    ["a box outside", { prompts: [{ box: [120, 20, 130, 70] }] }, "422 box_outside_image prompts[0].box"],
    ["a box of no area", { prompts: [good, { box: [9, 9, 9, 20] }] }, "422 box_zero_area prompts[1].box"],
    [
      "a point outside",
      {
        prompts: [
          {
            points: [
              [60, 45, 1],
              [60, 91, 1],
            ],
          },
        ],
      },
      "422 point_outside_image prompts[0].points[1]",
    ],
    [
      "an unknown label",
      { prompts: [{ points: [[60, 45, 2]] }] },
      "422 point_label_unknown prompts[0].points[0]",
    ],
    ["a box with a hole", { prompts: [{ box: [1, null, 3, 4] }] }, "400 invalid_request prompts[0].box[1]"],
    [
      "a mask of another size",
      { prompts: [{ mask: { format: "rle", size: [9, 9], counts: "0" } }] },
      "422 mask_size_mismatch prompts[0].mask",
    ],
    ["an unknown version", { prompts: [good], version: 77 }, "404 version_not_found version"],
    [
      "an unknown version in a list",
      { prompts: [good], version: ["base", 77] },
      "404 version_not_found version",
    ],
    ["a version beyond all", { prompts: [good], version: 1e10 }, "400 invalid_request version"],
    ["a version of another name", { prompts: [good], version: "latest" }, "400 invalid_request version"],
    ["an unknown format", { prompts: [good], format: "tiff" }, "400 invalid_request format"],
    ["an unknown image", { image: { id: "img_1" }, prompts: [good] }, "404 image_not_found image.id"],
    ["no base64", { image: { base64: "%%%" }, prompts: [good] }, "400 invalid_request image.base64"],
    ["an empty image", { image: { base64: "" }, prompts: [good] }, "422 image_empty image.base64"],
    [
      "no image at all",
      { image: { base64: "aGVsbG8=" }, prompts: [good] },
      "415 image_format_unsupported image.base64",
    ],
    ["two images", { image: { id: "a", base64: "b" }, prompts: [good] }, "400 invalid_request image"],
  ])("refuses %s and leaves nothing behind", async (_what, json, error) => {
    const before = await app.traces();
    expect(errorOf(await app.a.post(url, { image: { id: image }, ...json }))).toBe(error);
    expect(await app.traces()).toEqual(before);
  });

  it("is not for another workspace, nor its images for another project", async () => {
    const prompts = [good];
    const body = { image: { id: image }, prompts };
    expect(errorOf(await app.b.post(url, body))).toBe("404 project_not_found project_id");
    const theirs = await makeProject(app.b, "theirs");
    expect(errorOf(await app.b.post(`/v1/projects/${theirs}/predict`, body))).toBe(
      "404 image_not_found image.id",
    );
    const elsewhere = await makeProject(app.a, "elsewhere");
    expect(errorOf(await app.a.post(`/v1/projects/${elsewhere}/predict`, body))).toBe(
      "404 image_not_found image.id",
    );
  });
});
