import { eq } from "../../src/db/drizzle.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { insertAnnotation } from "../../src/db/queries/annotations.ts";
import { images, versions } from "../../src/db/schema/index.ts";
import { newId } from "../../src/lib/ids.ts";
import { errorOf, type TestApp, testApp } from "../helpers/app.ts";
import { makeProject, rectangleRle, seedImage, seedVersion } from "../helpers/seeds.ts";

let app: TestApp;
let project: string;
let url: string;
/** Two that were trained on, two that measured, one without annotations, one that came after the version, one of nothing. */
let ids: string[];

const annotate = (imageId: string, label: string | null) =>
  insertAnnotation(app.db, {
    id: newId("ann"),
    workspaceId: app.a.workspaceId,
    projectId: project,
    imageId,
    label,
    counts: rectangleRle([2, 2, 6, 6]).counts,
    area: 16,
    box: [2, 2, 6, 6],
    source: "api",
  });

beforeAll(async () => {
  app = await testApp();
  project = await makeProject(app.a);
  url = `/v1/projects/${project}`;
  ids = [];
  for (let i = 0; i < 5; i++) ids.push(await seedImage(app, project));
  const [a, b, c, d] = ids as [string, string, string, string];
  for (const id of [a, b, c, d]) await annotate(id, id === a ? "round" : "square");
  await annotate(a, null);
  await seedVersion(app, project, 1);
  const [row] = await app.db.select().from(versions).where(eq(versions.projectId, project));
  if (!row?.metrics) throw new Error("no version");
  const perAnnotation = [
    { imageId: c, annotationId: "ann_1", baseIou: 0.2, tunedIou: 0.6 },
    { imageId: c, annotationId: "ann_2", baseIou: 0.4, tunedIou: 0.8 },
    { imageId: d, annotationId: "ann_3", baseIou: 0.5, tunedIou: 0.3 },
  ];
  await app.db.update(versions).set({ metrics: { ...row.metrics, perAnnotation } });
  ids.push(await seedImage(app, project));
  await annotate(ids[5] as string, "square");
  const empty = await seedImage(app, project);
  await app.db.update(images).set({ knownEmpty: true }).where(eq(images.id, empty));
  ids.push(empty);
});
afterAll(() => app?.close());

interface Entry {
  image: { id: string };
  annotations: { label: string | null; counts: string }[];
  split: string | null;
  base_iou: number | null;
  tuned_iou: number | null;
}
const entries = async (query: string): Promise<Entry[]> =>
  (await app.a.get(`${url}/gallery?${query}`)).body["data"] as Entry[];
/** By their place in `ids`. */
const placesOf = async (query: string): Promise<number[]> =>
  (await entries(query)).map(({ image }) => ids.indexOf(image.id));

describe("GET gallery", () => {
  it("lists images, newest first, with the masks that lie on them", async () => {
    expect(await placesOf("")).toEqual([6, 5, 4, 3, 2, 1, 0]);
    const first = (await entries("")).at(-1);
    expect(first?.annotations.map(({ label }) => label)).toEqual(["round", null]);
    expect(first?.annotations[0]?.counts).toBe(rectangleRle([2, 2, 6, 6]).counts);
    expect(first).toMatchObject({ split: null, base_iou: null, tuned_iou: null });
  });

  it.each([
    ["filter=unlabelled", [4]],
    ["filter=empty", [6]],
    ["filter=labelled", [5, 3, 2, 1, 0]],
    ["filter=test&version=1", [3, 2]],
    ["filter=worst&version=1", [3, 2]],
    ["filter=train&version=1", [5, 1, 0]],
    ["filter=test", []],
  ])("filters by %s", async (query, places) => {
    expect(await placesOf(query)).toEqual(places);
  });

  it("tells each image's side of a version's split, and its mean scores there", async () => {
    const found = await entries("version=1");
    expect(found.map(({ split }) => split)).toEqual([null, null, null, "test", "test", "train", "train"]);
    expect(found[4]?.base_iou).toBeCloseTo(0.3);
    expect(found[4]?.tuned_iou).toBeCloseTo(0.7);
  });

  it("comes page by page, filtered or not", async () => {
    const first = await app.a.get(`${url}/gallery?filter=labelled&limit=3`);
    expect(first.body).toMatchObject({ has_more: true });
    const cursor = String(first.body["next_cursor"]);
    expect(await placesOf(`filter=labelled&limit=3&cursor=${cursor}`)).toEqual([1, 0]);
  });

  it("refuses versions that are not there, filters that are none, and other workspaces", async () => {
    expect(errorOf(await app.a.get(`${url}/gallery?version=9`))).toBe("404 version_not_found version");
    expect(errorOf(await app.a.get(`${url}/gallery?filter=best`))).toBe("400 invalid_request filter");
    expect(errorOf(await app.b.get(`${url}/gallery`))).toBe("404 project_not_found project_id");
  });
});

describe("GET overview", () => {
  it("counts what there is, and shows the first labelled image", async () => {
    const { body } = await app.a.get(`${url}/overview`);
    expect(body).toMatchObject({
      images: 7,
      labelled_images: 5,
      empty_images: 1,
      asked_images: 0,
      annotations: 6,
      labels: [
        { label: "square", annotations: 4 },
        { label: "round", annotations: 1 },
      ],
      cover_image_id: ids[0],
      live: null,
    });
  });

  it("tells what the live version gains", async () => {
    await app.a.post(`${url}/versions/1/promote`, {});
    const { body } = await app.a.get(`${url}/overview`);
    expect(body["live"]).toEqual({ version: 1, base_iou: 0.25, tuned_iou: 0.5 });
  });

  it("of an empty project is empty, of another workspace's nothing", async () => {
    const empty = await makeProject(app.b);
    expect((await app.b.get(`/v1/projects/${empty}/overview`)).body).toMatchObject({
      images: 0,
      annotations: 0,
      labels: [],
      cover_image_id: null,
    });
    expect(errorOf(await app.b.get(`${url}/overview`))).toBe("404 project_not_found project_id");
  });
});
