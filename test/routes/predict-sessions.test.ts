import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApp } from "../../src/app.ts";
import { iou } from "../../src/imaging/metrics.ts";
import { polygonsToMask } from "../../src/imaging/polygons.ts";
import { decodeRle } from "../../src/imaging/rle.ts";
import type { BinaryMask, LogitsMask, RleMask } from "../../src/imaging/types.ts";
import { errorOf, read, type TestApp, testApp } from "../helpers/app.ts";
import { holdToContract } from "../helpers/contract.ts";
import { asPng, discImage } from "../worlds/images.ts";
import { makeProject } from "../helpers/seeds.ts";
import { around, discProject } from "../worlds/disc-project.ts";

let app: TestApp;
let project: string;
let url: string;
let image: string;
let truth: BinaryMask;
let bytes: Uint8Array<ArrayBuffer>;
beforeAll(async () => {
  app = await testApp({ MAX_BODY_BYTES: 1_000_000 });
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
}
const predict = async (json: object): Promise<{ prediction: Prediction }> => {
  const answer = await app.a.post(url, { image: { id: image }, ...json });
  expect(errorOf(answer)).toBe("200");
  return { prediction: answer.body as unknown as Prediction };
};

describe("an earlier answer's mask by reference", () => {
  it("is what sending its low-res logits would be, and follows through a chain of clicks", async () => {
    const first = await predict({ prompts: [{ points: [[60, 45, 1]] }] });
    const second = await predict({
      prompts: [{ points: [[60, 25, 1]], mask: { format: "prediction", id: first.prediction.id } }],
    });
    const third = async () =>
      predict({
        prompts: [{ points: [[40, 45, 1]], mask: { format: "prediction", id: second.prediction.id } }],
      });
    const kept = await third();
    // The log alone is enough: nothing of the earlier answers has to be in memory.
    const fresh = holdToContract(createApp(app.services));
    const again = await fresh.request(url, {
      method: "POST",
      headers: { authorization: `Bearer ${app.a.key}`, "content-type": "application/json" },
      body: JSON.stringify({
        image: { id: image },
        prompts: [{ points: [[40, 45, 1]], mask: { format: "prediction", id: second.prediction.id } }],
      }),
    });
    expect(again.status).toBe(200);
    const { results } = (await again.json()) as Prediction;
    const [before] = kept.prediction.results;
    expect(results[0]?.predictions).toEqual(before?.predictions);
    const mask = decodeRle(before?.predictions[0]?.masks[0] as RleMask);
    expect(iou(mask, truth)).toBeGreaterThan(0.9);
    const { body } = await app.a.get(`/v1/projects/${project}/predictions/${kept.prediction.id}`);
    expect(body["prompts"]).toEqual([
      {
        points: [[40, 45, 1]],
        mask: { format: "prediction", id: second.prediction.id, version: 0, prompt: 0, mask: 0 },
      },
    ]);
  });

  it("names a version, a prompt and a mask, and changes the answer", async () => {
    const first = await predict({
      prompts: [{ box: around }, { points: [[5, 5, 1]] }],
      multimask: true,
    });
    const { id } = first.prediction;
    const point = { points: [[60, 45, 1]] };
    const answers = [];
    for (const mask of [undefined, { prompt: 0, mask: 0 }, { prompt: 1, mask: 2 }]) {
      const reference = mask && { format: "prediction", id, version: "base", ...mask };
      const { prediction } = await predict({ prompts: [{ ...point, mask: reference }] });
      answers.push(prediction.results[0]?.predictions[0]?.masks[0]?.score);
    }
    expect(new Set(answers).size).toBe(3);
  });

  it("is refused where there is none, and where the image is another", async () => {
    const { id } = (await predict({ prompts: [{ box: around }] })).prediction;
    const logits = (await predict({ prompts: [{ box: around }], format: "logits" })).prediction;
    const given = logits.results[0]?.predictions[0]?.masks[0] as unknown as LogitsMask;
    const { format, shape, dtype, data } = given;
    const byLogits = await predict({ prompts: [{ box: around, mask: { format, shape, dtype, data } }] });
    const send = async (mask: object, json: object = {}) =>
      errorOf(
        await app.a.post(url, {
          image: { id: image },
          prompts: [{ mask: { format: "prediction", id, ...mask } }],
          ...json,
        }),
      );
    expect(await send({})).toBe("200");
    expect(await send({ prompt: 1 })).toBe("422 prediction_mask_unknown prompts[0].mask");
    expect(await send({ mask: 1 })).toBe("422 prediction_mask_unknown prompts[0].mask");
    expect(await send({ version: 9 })).toBe("422 prediction_mask_unknown prompts[0].mask");
    expect(await send({ id: "pred_1" })).toBe("404 prediction_not_found prompts[0].mask.id");
    const other = await asPng(discImage(60, 50, { x: 30, y: 25, radius: 10 }).image);
    expect(await send({}, { image: { base64: other.toString("base64") } })).toBe(
      "422 prediction_image_mismatch prompts[0].mask.id",
    );
    const theirs = await makeProject(app.b);
    const stolen = await app.b.post(`/v1/projects/${theirs}/predict`, {
      image: { base64: Buffer.from(bytes).toString("base64") },
      prompts: [{ mask: { format: "prediction", id } }],
    });
    expect(errorOf(stolen)).toBe("404 prediction_not_found prompts[0].mask.id");
    // Its prompt was logits, which are not logged: once it has left memory it can't be made again.
    const fresh = holdToContract(createApp(app.services));
    const gone = await fresh.request(url, {
      method: "POST",
      headers: { authorization: `Bearer ${app.a.key}`, "content-type": "application/json" },
      body: JSON.stringify({
        image: { id: image },
        prompts: [{ mask: { format: "prediction", id: byLogits.prediction.id } }],
      }),
    });
    expect(errorOf(await read(gone))).toBe("409 prediction_not_repeatable prompts[0].mask");
  });
});

describe("an image's handle", () => {
  it("stands for the bytes that were sent before, in its workspace alone", async () => {
    const drawn = discImage(100, 80, { x: 50, y: 40, radius: 20, seed: 5 });
    const base64 = (await asPng(drawn.image)).toString("base64");
    const warm = await app.a.post(`/v1/projects/${project}/prewarm`, { image: { base64 } });
    expect(warm).toMatchObject({
      status: 200,
      body: { object: "prewarm", versions: ["base"], embedding_from: "encoder", image: { id: null } },
    });
    const handle = (warm.body["image"] as { sha256: string }).sha256;
    const prompts = [{ points: [[50, 40, 1]] }];
    const { prediction } = await predict({ image: { sha256: handle }, prompts });
    expect(prediction.image).toEqual({ id: null, width: 100, height: 80, sha256: handle });
    const mask = prediction.results[0]?.predictions[0]?.masks[0] as RleMask;
    expect(iou(decodeRle(mask), drawn.mask)).toBeGreaterThan(0.9);
    const again = await app.a.post(`/v1/projects/${project}/prewarm`, { image: { sha256: handle } });
    expect(again.body["embedding_from"]).toBe("memory");
    expect(
      errorOf(await app.a.post(url, { image: { sha256: handle }, prompts: [{ box: [101, 0, 120, 9] }] })),
    ).toBe("422 box_outside_image prompts[0].box");
    const theirs = await makeProject(app.b);
    expect(
      errorOf(await app.b.post(`/v1/projects/${theirs}/predict`, { image: { sha256: handle }, prompts })),
    ).toBe("404 image_handle_unknown image.sha256");
    expect(errorOf(await app.a.post(url, { image: { sha256: "a" }, prompts }))).toBe(
      "400 invalid_request image.sha256",
    );
  });
});

describe("POST prewarm", () => {
  it.each<[string, object, string]>([
    ["no image", {}, "400 invalid_request image"],
    ["an unknown image", { image: { id: "img_1" } }, "404 image_not_found image.id"],
    [
      "an unknown version",
      { image: { sha256: "a".repeat(64) }, version: 7 },
      "404 version_not_found version",
    ],
    ["no image at all", { image: { base64: "aGVsbG8=" } }, "415 image_format_unsupported image.base64"],
    ["an empty image", { image: { base64: "" } }, "422 image_empty image.base64"],
    ["too large a body", { image: { base64: "A".repeat(1_000_001) } }, "413 body_too_large"],
  ])("refuses %s and leaves nothing behind", async (_what, json, error) => {
    const before = await app.traces();
    expect(errorOf(await app.a.post(`/v1/projects/${project}/prewarm`, json))).toBe(error);
    expect(await app.traces()).toEqual(before);
  });
});

describe("answers as they are asked for", () => {
  it("are the best of three, the one that leads the three", async () => {
    const prompts = [{ points: [[60, 45, 1]] }, { box: around }];
    const all = await predict({ prompts, multimask: true });
    const best = await predict({ prompts, multimask: "best" });
    const firsts = all.prediction.results[0]?.predictions.map(({ masks }) => ({ masks: masks.slice(0, 1) }));
    expect(best.prediction.results[0]?.predictions).toEqual(firsts);
  });

  it("have fewer corners where a tolerance is stated, and stay near the mask", async () => {
    const polygonsOf = async (tolerance: number): Promise<number[][]> => {
      const json = { prompts: [{ box: around }], format: "polygon", version: "base" };
      const { prediction } = await predict({ ...json, polygon_tolerance: tolerance });
      const mask = prediction.results[0]?.predictions[0]?.masks[0] as unknown as { polygons: number[][] };
      return mask.polygons;
    };
    const [exact, near] = [await polygonsOf(0), await polygonsOf(1)];
    expect(near.flat().length).toBeLessThan(exact.flat().length / 2);
    const [all, some] = [polygonsToMask(exact, 120, 90), polygonsToMask(near, 120, 90)];
    expect(iou(all, some)).toBeGreaterThan(0.93);
  });
});
