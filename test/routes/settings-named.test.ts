import { afterAll, beforeAll, expect, it } from "vitest";
import { type Answer, type TestApp, testApp } from "../helpers/app.ts";
import { makeProject, seedImage } from "../helpers/seeds.ts";

/** Whoever is refused by a limit of the installation learns which setting it is. */

let app: TestApp;
let project: string;
let image: string;
beforeAll(async () => {
  app = await testApp({
    MAX_BODY_BYTES: 100_000,
    MAX_IMPORT_BYTES: 50_000,
    MAX_PROMPTS: 2,
    MAX_EVERYTHING_POINTS: 10,
  });
  project = `/v1/projects/${await makeProject(app.a)}`;
  image = await seedImage(app, project.slice("/v1/projects/".length));
});
afterAll(() => app?.close());

const send = (path: string, bytes: number, type: string): Promise<Answer> =>
  app.a.send("POST", project + path, { body: new Uint8Array(bytes), headers: { "content-type": type } });
const box = { box: [1, 1, 5, 5] };

it.each<[string, () => Promise<Answer>, string]>([
  ["an image", () => send("/images", 100_001, "image/png"), "MAX_BODY_BYTES"],
  ["an archive", () => send("/imports", 50_001, "application/zip"), "MAX_IMPORT_BYTES"],
  ["weights", () => send("/versions", 50_001, "application/octet-stream"), "MAX_IMPORT_BYTES"],
  [
    "a body of JSON",
    () => app.a.post(`${project}/predict`, { image: { base64: "A".repeat(100_000) }, prompts: [box] }),
    "MAX_BODY_BYTES",
  ],
  [
    "prompts",
    () => app.a.post(`${project}/predict`, { image: { id: image }, prompts: [box, box, box] }),
    "MAX_PROMPTS",
  ],
  [
    "objects that are looked for",
    () =>
      app.a.post(`${project}/predict`, { image: { id: image }, prompts: [{ label: "a" }], max_objects: 11 }),
    "MAX_EVERYTHING_POINTS",
  ],
  [
    "points over an image",
    () => app.a.post(`${project}/segment-everything`, { image: { id: image }, points_per_side: 4 }),
    "MAX_EVERYTHING_POINTS",
  ],
  [
    "a webhook",
    () => app.a.post("/v1/webhooks", { url: "https://10.0.0.1/", events: ["fine_tune.succeeded"] }),
    "WEBHOOK_ALLOW_PRIVATE",
  ],
  ["a bucket", () => app.a.post(`${project}/imports:bucket`, { bucket: "scans" }), "IMPORT_BUCKETS"],
  ["a folder", () => app.a.post(`${project}/imports:folder`, { folder: "/data" }), "IMPORT_FOLDERS"],
])("names the setting that refuses %s", async (_what, ask, setting) => {
  const answer = await ask();
  const { message } = answer.body["error"] as { message: string };
  expect([answer.status, message]).toEqual([
    expect.toSatisfy((status: number) => status >= 400 && status < 500),
    expect.stringContaining(setting),
  ]);
});

it("names none where a bound is no setting", async () => {
  const answer = await app.a.send("POST", "/v1/keys", {
    body: "x".repeat(20_000),
    headers: { "content-type": "application/json" },
  });
  const { message } = answer.body["error"] as { message: string };
  expect(message).toBe("The body is larger than the 16384 bytes allowed here.");
});
