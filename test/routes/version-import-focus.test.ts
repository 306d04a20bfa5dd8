import { afterAll, beforeAll, expect, it } from "vitest";
import { eq } from "../../src/db/drizzle.ts";
import { getVersion } from "../../src/db/queries/versions.ts";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { versions } from "../../src/db/schema/index.ts";
import { type Focus, plainFocus } from "../../src/domain/focus.ts";
import { type Answer, type TestApp, testApp } from "../helpers/app.ts";
import { makeProject, seedVersion } from "../helpers/seeds.ts";
import type { ProjectScope } from "../../src/db/queries/scope.ts";
import { someHead, withFinder } from "../worlds/bundles.ts";

let app: TestApp;
let url: string;
let weights: Uint8Array;
let scope: ProjectScope;
const focus: Focus = { zoom: { context: 1.5, tiles: 2, click_side: 90 }, refine: someHead() };
beforeAll(async () => {
  app = await testApp();
  const project = await makeProject(app.a);
  scope = { workspaceId: app.a.workspaceId, projectId: project };
  url = `/v1/projects/${project}/versions`;
  weights = encodeSafetensors(await baseModel("mobile_sam").decoderWeights());
  await seedVersion(app, project, 1, weights);
  await app.db.update(versions).set({ focus }).where(eq(versions.projectId, project));
});
afterAll(() => app?.close());

const send = (body: Uint8Array): Promise<Answer> =>
  app.a.send("POST", url, {
    body: Uint8Array.from(body),
    headers: { "content-type": "application/octet-stream" },
  });

const exported = async (format: string): Promise<Uint8Array> => {
  const response = await app.app.request(`${url}/1/export?format=${format}`, {
    headers: { authorization: `Bearer ${app.a.key}` },
  });
  return new Uint8Array(await response.arrayBuffer());
};

it.each(["safetensors", "pth", "onnx", "bundle"])(
  "keeps the window and the point head of a file: %s",
  async (format) => {
    const { body } = await send(await exported(format));
    expect(body).toMatchObject({ focus, imported: { focus: "restored" } });
    expect(JSON.stringify(body)).not.toContain("finder is left out");
  },
);

it("tells that a bundle's finder is left out", async () => {
  const { finder } = await withFinder(app.store, await getVersion(app.db, scope, 1), 1);
  await app.db.update(versions).set({ finder }).where(eq(versions.projectId, scope.projectId));
  const { body } = await send(await exported("bundle"));
  const notes = expect.arrayContaining([expect.stringContaining("finder is left out")]);
  expect(body).toMatchObject({ focus, finder: null, imported: { notes } });
});

it("says where a file tells nothing", async () => {
  expect((await send(weights)).body).toMatchObject({ focus: plainFocus, imported: { focus: "unknown" } });
});
