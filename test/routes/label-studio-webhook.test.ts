import { afterAll, beforeAll, expect, it } from "vitest";
import { getImage, insertImage } from "../../src/db/queries/images.ts";
import { type Answer, errorOf, idOf, type TestApp, testApp } from "../helpers/app.ts";
import { makeProject, seedAnnotated } from "../helpers/seeds.ts";
import { asPng, noiseImage } from "../worlds/images.ts";
import { studioMessage } from "../worlds/label-studio.ts";

let app: TestApp;
let project: string;
let image: string;
beforeAll(async () => {
  app = await testApp();
  project = await makeProject(app.a);
  const body = Uint8Array.from(await asPng(noiseImage(120, 90, 1)));
  image = idOf(await app.a.send("POST", `/v1/projects/${project}/images?file_name=page%201.png`, { body }));
});
afterAll(() => app?.close());

const post = (path: string, json: unknown): Promise<Answer> =>
  app.a.post(`/label-studio/${project}/${path}`, json);

const saved = () => studioMessage("annotation-created");
const kept = async (): Promise<unknown[]> => {
  const { body } = await app.a.get(`/v1/projects/${project}/annotations`);
  return (body["data"] as { label: string; area: number }[])
    .map(({ label, area }) => `${label} ${area}`)
    .sort();
};
const hook = async (json: object): Promise<unknown> => {
  const answer = await post("webhook", json);
  expect(errorOf(answer)).toBe("201");
  return answer.body["result"];
};

it("keeps annotations as they are in Label Studio: made, changed, skipped, deleted", async () => {
  expect(await hook(saved())).toEqual({
    images: [image],
    annotations: 2,
    deleted: 0,
    left_out: { box_only: 1 },
  });
  expect(await kept()).toEqual(["seal 1200", "stamp 800"]);
  const changed = saved();
  changed.annotation.result.shift();
  expect(await hook({ ...changed, action: "ANNOTATION_UPDATED" })).toMatchObject({
    annotations: 1,
    deleted: 2,
  });
  expect(await kept()).toEqual(["seal 1200"]);
  // The one of a task's annotations that was saved last counts; one that was skipped says nothing.
  const other = { ...saved(), annotation: { ...saved().annotation, id: 78 } };
  expect(await hook(other)).toMatchObject({ annotations: 2, deleted: 1 });
  const skipped = { ...saved(), annotation: { ...saved().annotation, was_cancelled: true } };
  expect(await hook(skipped)).toMatchObject({ deleted: 0 });
  const { project: its } = saved();
  const gone = (id: number): object => ({
    action: "ANNOTATIONS_DELETED",
    annotations: [{ id }],
    project: its,
  });
  expect(await hook(gone(77))).toEqual({ deleted: 0 });
  expect(await hook({ ...gone(78), action: "ANNOTATION_DELETED" })).toEqual({ deleted: 2 });
  expect(await kept()).toEqual([]);
});

it("leaves out what no one can read, and keeps the rest", async () => {
  const polygon = {
    type: "polygonlabels",
    value: {
      points: [
        [0, 0],
        [50, 0],
        [0, 50],
      ],
      polygonlabels: ["stamp"],
    },
  };
  const odd = { toString: 1, valueOf: 1 };
  const result = [
    polygon,
    { ...polygon, to_name: "another" },
    { type: "vectorlabels", value: { closed: true, vertices: [null, 1] } },
    { type: "ellipse", value: { x: odd, y: 1, radiusX: 1, radiusY: 1 } },
    { type: "ellipse", value: { x: 1e308, y: 1, radiusX: 1e308, radiusY: 1 } },
    { type: "polygonlabels", value: null },
    null,
  ];
  const message = { ...saved(), annotation: { ...saved().annotation, id: 90, result } };
  expect(await hook(message)).toMatchObject({
    annotations: 1,
    left_out: { other_image: 1, object_invalid: 4, mask_polygon_invalid: 1 },
  });
  for (const wrong of ["x", {}, undefined]) {
    const without = { ...message, annotation: { ...message.annotation, result: wrong } };
    expect(errorOf(await post("webhook", without))).toBe("400 invalid_request annotation.result");
  }
  expect(await kept()).toHaveLength(1);
  expect(await hook({ ...message, annotation: { ...message.annotation, result: null } })).toMatchObject({
    deleted: 1,
  });
});

it("keeps what was saved last, whichever message comes first", async () => {
  const at = (updated_at: string, id: number) => ({
    ...saved(),
    annotation: { ...saved().annotation, id, updated_at },
  });
  const [early, late] = [at("2026-11-02T10:00:00.000000Z", 91), at("2026-11-02T10:00:00.500000Z", 92)];
  late.annotation.result.shift();
  expect(await hook(late)).toMatchObject({ annotations: 1, deleted: 0 });
  expect(await hook(early)).toMatchObject({ annotations: 0, deleted: 0, left_out: { outdated: 3 } });
  expect(await kept()).toEqual(["seal 1200"]);
  await Promise.all(Array.from({ length: 4 }, async () => hook(late)));
  expect(await kept()).toEqual(["seal 1200"]);
  const { project: its } = saved();
  const gone = { action: "ANNOTATIONS_DELETED", annotations: [{ id: 91 }, { id: "92" }], project: its };
  expect(await hook(gone)).toEqual({ deleted: 1 });
});

it("takes nothing from others where one of several annotations is refused", async () => {
  const { annotation, task } = saved();
  const unknown = { ...task, id: 2, data: { image: "other.png" } };
  const several = { ...saved(), action: "ANNOTATIONS_CREATED" };
  const sent = {
    ...several,
    annotation: [
      { ...annotation, id: 93 },
      { ...annotation, id: 94 },
    ],
    task: [unknown, task],
  };
  expect(await hook(sent)).toMatchObject({ annotations: 2, left_out: { image_not_found: 3, box_only: 1 } });
});

it("knows a file by its name however it spells its letters, and none of a hundred of one name", async () => {
  const body = Uint8Array.from(await asPng(noiseImage(12, 9, 2)));
  const parts = encodeURIComponent("Plan \u00dcbersicht.png".normalize("NFD"));
  const id = idOf(await app.a.send("POST", `/v1/projects/${project}/images?file_name=${parts}`, { body }));
  const message = { ...saved(), annotation: { ...saved().annotation, id: 95, result: [] } };
  const of = (name: string): object => ({ ...message, task: { id: 3, data: { image: name } } });
  expect(await hook(of("plan%20\u00fcbersicht.png"))).toMatchObject({ images: [id] });
  const scope = { workspaceId: app.a.workspaceId, projectId: project };
  const { fileName: _, ...row } = await getImage(app.db, scope, id);
  for (let n = 0; n < 100; n++)
    await insertImage(app.db, {
      ...row,
      id: `img_${n}`,
      sha256: `${n}`.padStart(64, "0"),
      fileName: `scans/${n}/a.png`,
    });
  expect(errorOf(await post("webhook", of("scans/7/a.png")))).toBe("404 image_not_found task.data.image");
});

it("starts a fine-tune, once, where enough is annotated and the key may", async () => {
  const train = studioMessage("start-training");
  const other = await makeProject(app.a);
  const url = `/label-studio/${other}/webhook`;
  expect(errorOf(await app.a.post(url, train))).toBe("422 not_enough_annotations");
  await seedAnnotated(app, other, 3);
  const annotator = await app.clientOf(app.a.workspaceId, ["annotate"]);
  expect(errorOf(await annotator.post(url, train))).toBe("403 scope_missing");
  const [one, two] = await Promise.all([app.a.post(url, train), app.a.post(url, train)]);
  expect(one.body).toEqual({ status: "ok", result: { fine_tune: expect.stringMatching(/^ft_/) } });
  expect(two.body).toEqual(one.body);
});

it("passes over what it does not know, and tells what it misses", async () => {
  const answer = await post("webhook", { action: "PROJECT_UPDATED", project: { id: 1 } });
  expect([answer.status, answer.body]).toEqual([200, { status: "Unknown event" }]);
  const without = { ...saved(), task: undefined };
  expect(errorOf(await post("webhook", without))).toBe("400 invalid_request task");
  expect(errorOf(await post("webhook", { action: "ANNOTATION_CREATED" }))).toBe(
    "400 invalid_request annotation",
  );
  expect(errorOf(await post("webhook", { action: "ANNOTATIONS_DELETED", annotations: [{ id: 1 }] }))).toBe(
    "400 invalid_request project",
  );
  const link = `http://x/v1/links/e30.${Buffer.from(`{"key":"a\\u0000"}`).toString("base64url")}.x`;
  for (const name of ["other.png", "a\0.png", "a%00.png", link])
    expect(errorOf(await post("webhook", { ...saved(), task: { id: 1, data: { image: name } } }))).toBe(
      "404 image_not_found task.data.image",
    );
  const named = { ...saved(), task: { id: 1, data: { maskwright_id: "a\0" } } };
  expect(errorOf(await post("webhook", named))).toBe("404 image_not_found task.data.maskwright_id");
});
