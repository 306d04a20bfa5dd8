import { readFile } from "node:fs/promises";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApp } from "../../src/app.ts";
import type { Inference } from "../../src/inference/inference.ts";
import { encoderOrder } from "../../src/inference/embedding/decoder-order.ts";
import { Pictures } from "../../src/inference/pictures/pictures.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { errorOf, idOf, read, type TestApp, testApp } from "../helpers/app.ts";
import { holdToContract } from "../helpers/contract.ts";
import { asSharp, discImage } from "../worlds/images.ts";
import { addSam2Model, sam2Name } from "../worlds/sam2-model.ts";
import { makeProject } from "../helpers/seeds.ts";

let app: TestApp;
let url: string;
let bytes: Uint8Array<ArrayBuffer>;
beforeAll(async () => {
  app = await testApp();
  const project = await makeProject(app.a);
  const { image } = discImage(300, 200, { x: 100, y: 90, radius: 40 });
  // No browser shows a TIFF, nor turns one as EXIF says.
  bytes = Uint8Array.from(await asSharp(image).withMetadata({ orientation: 6 }).tiff().toBuffer());
  const body = { body: bytes, headers: { "content-type": "image/tiff" } };
  const { body: stored } = await app.a.send("POST", `/v1/projects/${project}/images`, body);
  url = `/v1/projects/${project}/images/${String(stored["id"])}`;
});
afterAll(() => app?.close());

const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
  Promise.resolve(app.app.request(path, { headers: { authorization: `Bearer ${app.a.key}`, ...headers } }));

describe("GET thumbnail", () => {
  it("is WebP, upright, and fits its side", async () => {
    const answer = await get(`${url}/thumbnail?side=64`);
    expect(answer.headers.get("content-type")).toBe("image/webp");
    const { format, width, height } = await sharp(await answer.arrayBuffer()).metadata();
    expect({ format, width, height }).toEqual({ format: "webp", width: 43, height: 64 });
  });

  it("is never larger than the image", async () => {
    const { width, height } = await sharp(
      await (await get(`${url}/thumbnail?side=4096`)).arrayBuffer(),
    ).metadata();
    expect([width, height]).toEqual([200, 300]);
  });

  it("is sent once", async () => {
    const etag = (await get(`${url}/thumbnail`)).headers.get("etag") ?? "";
    expect(etag).toContain(sha256(bytes));
    expect((await get(`${url}/thumbnail`, { "if-none-match": etag })).status).toBe(304);
    expect((await get(`${url}/thumbnail?side=64`, { "if-none-match": etag })).status).toBe(200);
  });

  it("refuses an image that is larger than what is allowed by now", async () => {
    const { services } = app;
    const pictures = new Pictures(300 * 200 - 1);
    const inference: Inference = {
      ...services.inference,
      thumbnail: (picture, side) => pictures.thumbnail(picture, side),
    };
    const stricter = holdToContract(createApp({ ...services, inference }));
    const headers = { authorization: `Bearer ${app.a.key}` };
    const answer = await read(await stricter.request(`${url}/thumbnail?side=64`, { headers }));
    expect(errorOf(answer)).toBe("422 image_unreadable");
    await pictures.close();
  });

  it("refuses sides that are none, and other workspaces", async () => {
    expect(errorOf(await read(await get(`${url}/thumbnail?side=9`)))).toBe("400 invalid_request side");
    expect(errorOf(await app.b.get(`${url}/thumbnail`))).toBe("404 image_not_found image_id");
  });
});

describe("GET embedding", () => {
  it("is Meta's image_embeddings, channel by channel, as the decoder here has it cell by cell", async () => {
    const answer = await get(`${url}/embedding`);
    expect(answer.status).toBe(200);
    const values = new Float32Array(await answer.arrayBuffer());
    expect(values.length).toBe(256 * 64 * 64);
    const workspaceId = app.a.workspaceId;
    const source = { sha256: sha256(bytes), bytes: () => Promise.resolve(bytes) };
    const { embedding } = await app.services.inference.embed(source, {
      workspaceId,
      baseModel: "mobile_sam",
    });
    for (const [channel, y, x] of [
      [0, 0, 0],
      [17, 3, 50],
      [255, 63, 63],
    ] as const) {
      expect(values[(channel * 64 + y) * 64 + x]).toBe(embedding.data[(y * 64 + x) * 256 + channel]);
    }
    const etag = answer.headers.get("etag") ?? "";
    expect((await get(`${url}/embedding`, { "if-none-match": etag })).status).toBe(304);
  });

  it("has SAM 2's high-resolution features behind it, and CVAT's plugin, which would not miss them, is refused", async () => {
    await addSam2Model(app.services.store);
    const created = await app.a.post("/v1/projects", { name: "second", base_model: sam2Name });
    const project = `/v1/projects/${idOf(created)}`;
    const body = { body: bytes, headers: { "content-type": "image/tiff" } };
    const image = idOf(await app.a.send("POST", `${project}/images`, body));
    const refused = /^422 base_model_unsupported/;
    const answer = await get(`${project}/images/${image}/embedding`);
    const values = new Float32Array(await answer.arrayBuffer());
    const source = { sha256: sha256(bytes), bytes: () => Promise.reject(new Error("it is known")) };
    const options = { workspaceId: app.a.workspaceId, baseModel: sam2Name };
    const { embedding } = await app.services.inference.embed(source, options);
    expect(values).toEqual(encoderOrder(embedding.data, "sam2"));
    const asked = { image: Buffer.from(bytes).toString("base64") };
    expect(errorOf(await app.a.post(`/cvat/${idOf(created)}/encoder`, asked))).toMatch(refused);
  });

  it("is no other workspace's", async () => {
    expect(errorOf(await app.b.get(`${url}/embedding`))).toMatch(/^404 (project|image)_not_found/);
  });
});

it("what a scanner writes comes in, goes out as it came, and is shown as the encoder sees it", async () => {
  const file = await readFile(new URL("../imaging/fixtures/pictures/window.dcm", import.meta.url));
  const own = await makeProject(app.a);
  const stored = await app.a.send("POST", `/v1/projects/${own}/images`, {
    body: Uint8Array.from(file),
    headers: { "content-type": "application/dicom" },
  });
  expect(stored.status).toBe(201);
  const { id, ...facts } = stored.body as { id: string };
  expect(facts).toMatchObject({ format: "dicom", width: 64, height: 48 });
  const path = `/v1/projects/${own}/images/${id}`;
  const [content, small] = await Promise.all([app.a.get(`${path}/content`), app.a.get(`${path}/thumbnail`)]);
  expect(content.headers.get("content-type")).toBe("application/dicom");
  expect([small.status, small.headers.get("content-type")]).toEqual([200, "image/webp"]);
});
