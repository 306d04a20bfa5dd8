import { afterAll, beforeAll, expect, it } from "vitest";
import { eq } from "../../src/db/drizzle.ts";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { versions } from "../../src/db/schema/index.ts";
import { type Focus, plainFocus } from "../../src/domain/focus.ts";
import { type Answer, type TestApp, testApp } from "../helpers/app.ts";
import { makeProject, seedVersion } from "../helpers/seeds.ts";
import { someHead } from "../worlds/bundles.ts";

let app: TestApp;
let url: string;
let weights: Uint8Array;
const focus: Focus = { zoom: { context: 1.5, tiles: 2, click_side: 90 }, refine: someHead() };
beforeAll(async () => {
  app = await testApp();
  const project = await makeProject(app.a);
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

it.each(["safetensors", "pth", "onnx", "bundle"])(
  "keeps the window and the point head of a file: %s",
  async (format) => {
    const response = await app.app.request(`${url}/1/export?format=${format}`, {
      headers: { authorization: `Bearer ${app.a.key}` },
    });
    const { body } = await send(new Uint8Array(await response.arrayBuffer()));
    expect(body).toMatchObject({ focus, imported: { focus: "restored" } });
  },
);

it("says where a file tells nothing", async () => {
  expect((await send(weights)).body).toMatchObject({ focus: plainFocus, imported: { focus: "unknown" } });
});
