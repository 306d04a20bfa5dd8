import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type App, createApp } from "../../src/app.ts";
import { type OpenDatabase, openDatabase } from "../../src/db/client.ts";
import { createPredictionLog } from "../../src/db/prediction-log.ts";
import { maskToPng } from "../../src/imaging/mask-png.ts";
import { type Client, errorOf, idOf, read, type TestApp, testApp } from "../helpers/app.ts";
import { asPng, discImage } from "../worlds/images.ts";
import { makeProject } from "../helpers/seeds.ts";

let app: TestApp;
/** Another instance of the API: memory and connections of its own, the same database and store. */
let other: App;
let connections: OpenDatabase;
beforeAll(async () => {
  app = await testApp();
  connections = openDatabase(app.databaseUrl, { max: 2 });
  const { db } = connections;
  const predictionLog = createPredictionLog({ db, requests: db, log: app.services.log, everyMs: 3_600_000 });
  other = createApp({ ...app.services, db, predictionLog });
});
afterAll(async () => {
  await connections?.close();
  await app?.close();
});

const onOther = async (client: Client, method: string, path: string, json?: object) =>
  read(
    await other.request(path, {
      method,
      headers: { authorization: `Bearer ${client.key}`, "content-type": "application/json" },
      ...(json && { body: JSON.stringify(json) }),
    }),
  );

/** A project with an image that both instances have predicted on. */
async function warm(client: Client) {
  const project = `/v1/projects/${await makeProject(client)}`;
  const bytes = Uint8Array.from(await asPng(discImage(64, 48, { x: 20, y: 20, radius: 9 }).image));
  const image = idOf(await app.a.send("POST", `${project}/images`, { body: bytes }));
  const body = { image: { id: image }, prompts: [{ points: [[20, 20, 1]] }] };
  expect(errorOf(await app.a.post(`${project}/predict`, body))).toBe("200");
  const { status, body: answer } = await onOther(app.a, "POST", `${project}/predict`, body);
  expect(status).toBe(200);
  return { project, body, prediction: String(answer["id"]) };
}

/** A mask of one pixel. */
async function pngOf(width: number, height: number): Promise<string> {
  const data = new Uint8Array(width * height);
  data[0] = 1;
  return (await maskToPng({ width, height, data })).toString("base64");
}

describe("what one instance does", () => {
  it("the others know at once: a key that was revoked, and one whose secret is another", async () => {
    const [revoked, rotated] = [
      await app.clientOf(app.a.workspaceId, ["read"]),
      await app.clientOf(app.a.workspaceId, ["read"]),
    ];
    for (const client of [revoked, rotated]) {
      expect(errorOf(await onOther(client, "GET", "/v1/projects"))).toBe("200");
    }
    expect(errorOf(await app.a.send("DELETE", `/v1/keys/${revoked.keyId}`))).toBe("200");
    expect(errorOf(await app.a.post(`/v1/keys/${rotated.keyId}/rotate`, { grace_seconds: 0 }))).toBe("200");
    for (const client of [revoked, rotated]) {
      expect(errorOf(await onOther(client, "GET", "/v1/projects"))).toBe("401 invalid_api_key");
    }
  });

  it("the others know at once: a key that lost a scope", async () => {
    const client = await app.clientOf(app.a.workspaceId, ["read"]);
    expect(errorOf(await onOther(client, "GET", "/v1/projects"))).toBe("200");
    await app.sql`update api_keys set scopes = array['predict'] where id = ${client.keyId}`;
    expect(errorOf(await onOther(client, "GET", "/v1/projects"))).toBe("403 scope_missing");
  });

  it("the others know at once: a prediction that is given feedback on, and whose mask is a prompt", async () => {
    const { project, body, prediction } = await warm(app.a);
    // The other one has told the log nothing yet but what was asked.
    const feedback = await app.a.post(`${project}/predictions/${prediction}/feedback`, { action: "reject" });
    expect(errorOf(feedback)).toBe("201");
    const prompts = [{ points: [[24, 20, 1]], mask: { format: "prediction", id: prediction } }];
    expect(errorOf(await app.a.post(`${project}/predict`, { ...body, prompts }))).toBe("200");
  });

  it("the others know at once: a project that went, with its images and versions", async () => {
    const { project, body } = await warm(app.a);
    expect(errorOf(await app.a.send("DELETE", project))).toBe("200");
    expect(errorOf(await onOther(app.a, "POST", `${project}/predict`, body))).toBe(
      "404 project_not_found project_id",
    );
    expect(errorOf(await onOther(app.a, "GET", `${project}/images`))).toBe(
      "404 project_not_found project_id",
    );
  });

  it("the others know at once: an image that went, whatever they remember of it", async () => {
    const { project, body } = await warm(app.a);
    const { id } = body.image;
    expect(errorOf(await app.a.send("DELETE", `${project}/images/${id}`))).toBe("200");
    const before = await app.traces();
    const annotation = { image_id: id, mask: { format: "png", data: await pngOf(64, 48) } };
    const annotate = async (more: object) =>
      errorOf(await onOther(app.a, "POST", `${project}/annotations`, { ...annotation, ...more }));
    expect(await annotate({})).toBe("404 image_not_found image_id");
    expect(await annotate({ group: "a page" })).toBe("404 image_not_found image_id");
    expect(errorOf(await onOther(app.a, "POST", `${project}/predict`, body))).toBe(
      "404 image_not_found image.id",
    );
    expect(await app.traces()).toEqual(before);
  });

  it("opens nothing to another workspace, whatever an instance remembers", async () => {
    const { project, body } = await warm(app.a);
    expect(errorOf(await onOther(app.b, "POST", `${project}/predict`, body))).toBe(
      "404 project_not_found project_id",
    );
    const own = `/v1/projects/${await makeProject(app.b)}`;
    expect(errorOf(await onOther(app.b, "POST", `${own}/predict`, body))).toBe(
      "404 image_not_found image.id",
    );
    const annotation = { image_id: body.image.id, mask: { format: "rle", size: [48, 64], counts: "0PP3" } };
    expect(errorOf(await onOther(app.b, "POST", `${own}/annotations`, annotation))).toBe(
      "404 image_not_found image_id",
    );
  });
});
