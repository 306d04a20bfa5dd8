import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApp } from "../../src/app.ts";
import { AppError } from "../../src/lib/errors.ts";
import { createLog } from "../../src/lib/log.ts";
import { unavailable } from "../../src/storage/failures.ts";
import { errorOf, read, type TestApp, testApp } from "../helpers/app.ts";
import { wrapStore } from "../helpers/objects.ts";
import { makeProject } from "../helpers/seeds.ts";
import { asPng, noiseImage } from "../worlds/images.ts";

let app: TestApp;
let url: string;
beforeAll(async () => {
  app = await testApp();
  url = `/v1/projects/${await makeProject(app.a)}`;
});
afterAll(() => app?.close());

/** 507 is no answer of any one route, so the app is asked without its contract. */
async function ask(
  path: string,
  init: { json?: unknown; body?: Uint8Array<ArrayBuffer> } = {},
  store = app.store,
) {
  const bare = createApp({ ...app.services, store });
  const type = init.json === undefined ? "image/png" : "application/json";
  const headers = { authorization: `Bearer ${app.a.key}`, "content-type": type };
  const content = init.json === undefined ? init.body : JSON.stringify(init.json);
  return read(
    await bare.request(path, { headers, ...(content !== undefined && { method: "POST", body: content }) }),
  );
}

it("where the object store has none, an upload answers 507 and leaves nothing", async () => {
  const body = new Uint8Array(await asPng(noiseImage(32, 32, 6)));
  const cause = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  const fullStore = wrapStore(app.store, { putFile: () => Promise.reject(unavailable("write", cause)) });
  expect(errorOf(await ask(`${url}/images`, { body }, fullStore))).toBe("507 storage_full");
  expect((await app.a.get(`${url}/images`)).body["data"]).toEqual([]);
  expect((await ask(`${url}/images`, { body })).status).toBe(201);
});

it.runIf(process.platform === "linux")("a log that can't be written stops nothing", () => {
  const log = createLog({ level: "info", name: "full", file: "/dev/full" });
  for (let line = 0; line < 3; line++) log.info("a line that is lost");
});

describe("a project that is deleted while a request of it runs", () => {
  const gone = async (path: string, change: (remove: () => Promise<unknown>) => object, json?: object) => {
    const project = await makeProject(app.a, "short-lived");
    const body = new Uint8Array(await asPng(noiseImage(32, 32, 7)));
    const headers = { "content-type": "image/png" };
    const { body: image } = await app.a.send("POST", `/v1/projects/${project}/images`, { body, headers });
    const remove = () => app.a.send("DELETE", `/v1/projects/${project}`);
    const changed = createApp({ ...app.services, ...change(remove) });
    const answer = await changed.request(
      `/v1/projects/${project}/${path.replace("ID", String(image["id"]))}`,
      {
        headers: { authorization: `Bearer ${app.a.key}`, "content-type": "application/json" },
        ...(json && { method: "POST", body: JSON.stringify(json) }),
      },
    );
    return errorOf(await read(answer));
  };

  it("is not found: neither by what reads its objects, nor by what writes rows", async () => {
    const lost = (remove: () => Promise<unknown>) => ({
      store: wrapStore(app.store, { get: async (key) => (await remove(), app.store.get(key)) }),
    });
    expect(await gone("images/ID/content", lost)).toBe("404 project_not_found project_id");
    const { inference } = app.services;
    const late = (remove: () => Promise<unknown>) => ({
      inference: {
        ...inference,
        inspect: async (bytes: Uint8Array | string) => (await remove(), inference.inspect(bytes)),
      },
    });
    const base64 = (await asPng(noiseImage(32, 32, 5))).toString("base64");
    const asked = { image: { base64 }, prompts: [{ box: [4, 4, 20, 20] }] };
    expect(await gone("predict", late, asked)).toBe("404 project_not_found project_id");
  });

  it("hides no failure of one that is there", async () => {
    const broken = () => ({
      store: wrapStore(app.store, { get: () => Promise.reject(new Error("broken")) }),
    });
    expect(await gone("images/ID/content", broken)).toBe("500 internal_error");
    const away = () => ({
      store: wrapStore(app.store, { get: () => Promise.reject(new AppError("unavailable", "away")) }),
    });
    expect(await gone("images/ID/content", away)).toBe("503 unavailable");
  });
});
