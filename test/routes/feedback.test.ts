import { sql } from "../../src/db/drizzle.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { iou } from "../../src/imaging/metrics.ts";
import { decodeRle, encodeRle } from "../../src/imaging/rle.ts";
import type { BinaryMask, RleMask } from "../../src/imaging/types.ts";
import { type Answer, errorOf, idOf, type TestApp, testApp } from "../helpers/app.ts";
import { rectangleMask } from "../worlds/images.ts";
import { makeProject, seedAnnotated } from "../helpers/seeds.ts";
import { around as box, discProject } from "../worlds/disc-project.ts";

let app: TestApp;
let project: string;
let image: string;
let truth: BinaryMask;
let bytes: Uint8Array<ArrayBuffer>;
const click = [60, 45, 1];
beforeAll(async () => {
  app = await testApp({ MAX_BODY_BYTES: 100_000 });
  ({ project, image, truth, bytes } = await discProject(app));
});
afterAll(() => app?.close());

const predict = async (json: object, of = project): Promise<Answer> => {
  const answer = await app.a.post(`/v1/projects/${of}/predict`, { image: { id: image }, ...json });
  expect(errorOf(answer)).toBe("200");
  return answer;
};
const maskOf = ({ body }: Answer, prompt = 0, mask = 0): RleMask => {
  const { results } = body as unknown as { results: { predictions: { masks: RleMask[] }[] }[] };
  return results[0]?.predictions[prompt]?.masks[mask] as RleMask;
};
const give = (prediction: string, json: object, client = app.a) =>
  client.post(`/v1/projects/${project}/predictions/${prediction}/feedback`, json);
const annotation = async (id: unknown) =>
  (await app.a.get(`/v1/projects/${project}/annotations/${String(id)}`)).body;

describe("the log of predictions", () => {
  it("has what was asked, how large it was and how long it took, and no mask", async () => {
    const prompts = [{ box, points: [click] }, { points: [click, [5, 5, 0]] }];
    const made = await predict({ prompts, multimask: true });
    const { body } = await app.a.get(`/v1/projects/${project}/predictions/${idOf(made)}`);
    expect(body).toMatchObject({
      id: idOf(made),
      object: "prediction.log",
      image: { width: 120, height: 90, sha256: (made.body["image"] as { sha256: string }).sha256 },
      versions: ["base"],
      prompts,
      prompt_count: 2,
      mask_count: 6,
      multimask: true,
      format: "rle",
      answer_bytes: Buffer.byteLength(JSON.stringify(made.body)),
      embedding_from: "encoder",
      timing_ms: made.body["timing_ms"],
      actor: app.a.keyId,
    });
    expect(JSON.stringify(body)).not.toContain("counts");
    const listed = await app.a.get(`/v1/projects/${project}/predictions?limit=1`);
    const { prompts: _, ...entry } = body;
    expect(listed.body["data"]).toEqual([entry]);
  });

  it("is its workspace's alone", async () => {
    const id = idOf(await predict({ prompts: [{ box }] }));
    expect(errorOf(await app.b.get(`/v1/projects/${project}/predictions`))).toBe(
      "404 project_not_found project_id",
    );
    expect(errorOf(await app.b.get(`/v1/projects/${project}/predictions/${id}`))).toBe(
      "404 prediction_not_found prediction_id",
    );
    expect(errorOf(await give(id, { action: "accept" }, app.b))).toBe("404 project_not_found project_id");
  });
});

describe("POST feedback", () => {
  it("makes an accepted mask an annotation, bit for bit, with its lineage", async () => {
    const made = await predict({ prompts: [{ points: [[1, 1, 0]] }, { points: [click] }], multimask: true });
    const said = await give(idOf(made), { action: "accept", prompt: 1, mask_index: 2, label: "disc" });
    expect(errorOf(said)).toBe("201");
    expect(said.body).toMatchObject({
      object: "feedback",
      prediction_id: idOf(made),
      action: "accept",
      prompt_index: 1,
      mask_index: 2,
      version: "base",
      prompt: { points: [click] },
      iou: 1,
      actor: app.a.keyId,
    });
    const stored = await annotation(said.body["annotation_id"]);
    expect((stored["mask"] as RleMask).counts).toBe(maskOf(made, 1, 2).counts);
    expect(stored).toMatchObject({
      image_id: image,
      source: "feedback",
      label: "disc",
      lineage: {
        action: "accept",
        prediction_id: idOf(made),
        version: "base",
        prompt: { points: [click] },
      },
    });
  });

  it("keeps a correction as it was drawn, and measures how wrong the prediction was", async () => {
    const made = await predict({ prompts: [{ box }] });
    const right = rectangleMask(120, 90, [40, 25, 80, 65]);
    const said = await give(idOf(made), { action: "correct", mask: encodeRle(right), group: "page 9" });
    expect(said.status).toBe(201);
    expect(said.body["iou"]).toBeCloseTo(iou(decodeRle(maskOf(made)), right), 5);
    const stored = await annotation(said.body["annotation_id"]);
    expect((stored["mask"] as RleMask).counts).toBe(encodeRle(right).counts);
    expect(stored["lineage"]).toMatchObject({ action: "correct", prompt: { box } });
    expect((await app.a.get(`/v1/projects/${project}/images/${image}`)).body["group"]).toBe("page 9");
  });

  it("counts the last word on a mask: its annotation takes the place of the one before", async () => {
    const id = idOf(await predict({ prompts: [{ box }] }));
    const first = await give(id, { action: "accept" });
    const second = await give(id, { action: "correct", mask: encodeRle(truth) });
    expect((await annotation(first.body["annotation_id"]))["error"]).toMatchObject({
      code: "annotation_not_found",
    });
    const third = await give(id, { action: "reject" });
    expect(third.body).toMatchObject({ annotation_id: null, iou: null });
    expect((await annotation(second.body["annotation_id"]))["error"]).toBeDefined();
    const listed = await app.a.get(`/v1/projects/${project}/feedback?prediction_id=${id}`);
    expect(listed.body["data"]).toEqual([third.body]);
  });

  it("takes several at the same time, of which one is left", async () => {
    const id = idOf(await predict({ prompts: [{ box }] }));
    const said = await Promise.all(Array.from({ length: 4 }, () => give(id, { action: "accept" })));
    expect(said.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
    const [rows] = await app.db.execute(
      sql`select count(*)::int as n from annotations where lineage->>'predictionId' = ${id}`,
    );
    expect(rows).toEqual({ n: 1 });
  });

  it("wants the image stored: once it is, the same prediction can be accepted", async () => {
    const elsewhere = await makeProject(app.a, "elsewhere");
    const base64 = Buffer.from(bytes).toString("base64");
    const made = await predict({ image: { base64 }, prompts: [{ box }] }, elsewhere);
    const url = `/v1/projects/${elsewhere}/predictions/${idOf(made)}/feedback`;
    expect(errorOf(await app.a.post(url, { action: "accept" }))).toBe("409 feedback_image_not_stored");
    expect((await app.a.post(url, { action: "reject" })).status).toBe(201);
    await app.a.send("POST", `/v1/projects/${elsewhere}/images`, { body: bytes });
    expect((await app.a.post(url, { action: "accept" })).status).toBe(201);
  });

  it.each<[string, object, string]>([
    ["no action", {}, "400 invalid_request action"],
    ["another action", { action: "like" }, "400 invalid_request action"],
    ["a correction without its mask", { action: "correct" }, "422 feedback_mask_missing mask"],
    [
      "an acceptance with a mask",
      { action: "accept", mask: encodeRle(rectangleMask(120, 90, [1, 1, 5, 5])) },
      "400 invalid_request mask",
    ],
    [
      "a mask of another size",
      { action: "correct", mask: encodeRle(rectangleMask(20, 10, [1, 1, 5, 5])) },
      "422 mask_size_mismatch mask",
    ],
    ["a prompt that was not asked", { action: "accept", prompt: 1 }, "422 prediction_mask_unknown"],
    ["a mask that was not answered", { action: "reject", mask_index: 1 }, "422 prediction_mask_unknown"],
    ["a version that did not answer", { action: "accept", version: 3 }, "422 prediction_mask_unknown"],
  ])("refuses %s and leaves nothing behind", async (_what, json, error) => {
    const id = idOf(await predict({ prompts: [{ box }] }));
    const before = await app.traces();
    expect(errorOf(await give(id, json))).toBe(error);
    expect(await app.traces()).toEqual(before);
  });

  it("takes JSON of a size, and cursors of its own", async () => {
    const id = idOf(await predict({ prompts: [{ box }] }));
    const long = { action: "reject", label: "x".repeat(100_001) };
    expect(errorOf(await give(id, long))).toBe("413 body_too_large");
    const url = `/v1/projects/${project}/predictions/${id}/feedback`;
    const plain = { body: "accept", headers: { "content-type": "text/plain" } };
    expect(errorOf(await app.a.send("POST", url, plain))).toBe("415 unsupported_media_type");
    for (const list of ["feedback", "predictions"]) {
      const asked = await app.a.get(`/v1/projects/${project}/${list}?cursor=x`);
      expect(errorOf(asked)).toBe("400 invalid_request cursor");
    }
    expect(errorOf(await app.b.get(`/v1/projects/${project}/feedback`))).toBe(
      "404 project_not_found project_id",
    );
  });

  it("knows no other prediction", async () => {
    expect(errorOf(await give("pred_1", { action: "accept" }))).toBe(
      "404 prediction_not_found prediction_id",
    );
  });
});

describe("feedback on segment-everything", () => {
  interface Found {
    results: { version: string; masks: (RleMask & { point: [number, number]; area: number })[] }[];
  }
  const find = async (more: object = {}) => {
    const asked = { image: { id: image }, points_per_side: 4, pred_iou_thresh: 0.5, ...more };
    const answer = await app.a.post(`/v1/projects/${project}/segment-everything`, asked);
    expect(errorOf(answer)).toBe("200");
    return {
      id: idOf(answer),
      masks: (answer.body as unknown as Found).results.flatMap(({ masks }) => masks),
    };
  };

  it("makes its masks annotations, bit for bit, each with the point of the grid that had found it", async () => {
    const { id, masks } = await find({ min_mask_region_area: 30 });
    expect(masks.length).toBeGreaterThan(1);
    const kept: unknown[] = [];
    for (const [prompt, mask] of masks.entries()) {
      const said = await give(id, { action: "accept", prompt, label: "found" });
      expect(errorOf(said)).toBe("201");
      const asked = { points: [[...mask.point, 1]], grid: true };
      expect(said.body).toMatchObject({
        prompt_index: prompt,
        mask_index: 0,
        version: "base",
        prompt: asked,
        iou: 1,
      });
      const stored = await annotation(said.body["annotation_id"]);
      expect((stored["mask"] as RleMask).counts).toBe(mask.counts);
      expect(stored).toMatchObject({
        source: "feedback",
        area: mask.area,
        lineage: { action: "accept", prediction_id: id, version: "base", prompt: asked },
      });
      kept.push(said.body["annotation_id"]);
    }
    // Each stands for itself: none took another's place.
    const left = await Promise.all(kept.map(annotation));
    expect(left.map(({ id: one }) => one)).toEqual(kept);
  });

  it("measures a correction, and takes the last word on each mask", async () => {
    const { id, masks } = await find();
    const right = rectangleMask(120, 90, [40, 25, 80, 65]);
    const first = await give(id, { action: "accept", prompt: 0 });
    const second = await give(id, { action: "correct", prompt: 0, mask: encodeRle(right) });
    expect(second.body["iou"]).toBeCloseTo(iou(decodeRle(masks[0] as RleMask), right), 5);
    expect((await annotation(first.body["annotation_id"]))["error"]).toBeDefined();
    expect((await give(id, { action: "reject", prompt: 0 })).body).toMatchObject({ annotation_id: null });
  });

  it.each<[string, object, string]>([
    ["a mask that was not found", { prompt: 999 }, "422 prediction_mask_unknown"],
    ["one of several masks of a mask", { mask_index: 1 }, "422 prediction_mask_unknown"],
    ["a version that did not answer", { version: 3 }, "422 prediction_mask_unknown"],
  ])("refuses %s and leaves nothing behind", async (_what, json, error) => {
    const { id } = await find();
    const before = await app.traces();
    expect(errorOf(await give(id, { action: "accept", ...json }))).toBe(error);
    expect(await app.traces()).toEqual(before);
  });

  it("knows nothing of the masks of before they were logged", async () => {
    const { id } = await find();
    await app.sql`update predictions set request = request - 'found' where id = ${id}`;
    expect(errorOf(await give(id, { action: "accept" }))).toBe("422 prediction_mask_unknown");
  });
});

describe("a project's corrections", () => {
  it("start a fine-tune once there are as many as its owner wants", async () => {
    await seedAnnotated(app, project, 3);
    const url = `/v1/projects/${project}`;
    const ids: string[] = [];
    for (let i = 0; i < 2; i++) ids.push(idOf(await predict({ prompts: [{ box }] })));
    await app.db.execute(sql`delete from feedback where action = 'correct'`);
    const set = await app.a.send("PATCH", url, { json: { fine_tune_after_corrections: 2 } });
    expect(set.body).toMatchObject({ fine_tune_after_corrections: 2, prediction_retention_days: 90 });
    const mask = encodeRle(truth);
    await give(ids[0] as string, { action: "correct", mask });
    expect((await app.a.get(`${url}/fine-tunes`)).body["data"]).toEqual([]);
    await give(ids[1] as string, { action: "correct", mask });
    const { data } = (await app.a.get(`${url}/fine-tunes`)).body as { data: { id: string }[] };
    expect(data).toMatchObject([{ status: "queued", cause: "corrections", hyperparameters: {} }]);
    const events = await app.a.get(`${url}/fine-tunes/${data[0]?.id}/events`);
    expect(events.body["data"]).toMatchObject([{ message: "Started by 2 new corrections" }]);
  });
});
