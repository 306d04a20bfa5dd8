import { afterAll, beforeAll, expect, it } from "vitest";
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
  // Of several annotations of a task the one that was saved last counts; one that was skipped says nothing.
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

it("starts a fine-tune, once, where enough is annotated and the key may", async () => {
  const train = studioMessage("start-training");
  const other = await makeProject(app.a);
  const url = `/label-studio/${other}/webhook`;
  expect(errorOf(await app.a.post(url, train))).toBe("422 not_enough_annotations");
  await seedAnnotated(app, other, 3);
  const annotator = await app.clientOf(app.a.workspaceId, ["annotate"]);
  expect(errorOf(await annotator.post(url, train))).toBe("403 scope_missing");
  const { body } = await app.a.post(url, train);
  expect(body).toEqual({ status: "ok", result: { fine_tune: expect.stringMatching(/^ft_/) } });
  expect((await app.a.post(url, train)).body).toEqual(body);
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
  expect(errorOf(await post("webhook", { ...saved(), task: { id: 1, data: { image: "other.png" } } }))).toBe(
    "404 image_not_found task.data.image",
  );
});
