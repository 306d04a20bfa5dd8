import { afterAll, beforeAll, expect, it } from "vitest";
import { sha256 } from "../../src/lib/hash.ts";
import { keys } from "../../src/storage/keys.ts";
import { errorOf, type TestApp, testApp } from "../helpers/app.ts";
import { makeProject, seedVersion } from "../helpers/seeds.ts";

let app: TestApp;
let url: string;
const picture = Buffer.from("RIFF....WEBP, or so the store thinks");
const tag = `"${sha256(picture)}"`;
beforeAll(async () => {
  app = await testApp();
  const project = await makeProject(app.a);
  url = `/v1/projects/${project}/versions`;
  const key = keys.picture(project, "ft_1", "best");
  await app.store.put(key, picture);
  await seedVersion(app, project, 1, Buffer.from("weights"), {
    pictures: [{ kind: "best", key, sha256: sha256(picture) }],
  });
  await seedVersion(app, project, 2);
});
afterAll(() => app?.close());

const ask = async (path: string, headers: Record<string, string> = {}): Promise<Response> =>
  app.app.request(path, { headers: { authorization: `Bearer ${app.a.key}`, ...headers } });

it("lists a version's pictures; versions of before there were any have none", async () => {
  const { body } = await app.a.get(`${url}/1`);
  expect(body["pictures"]).toEqual([{ kind: "best", url: `${url}/1/pictures/best` }]);
  expect((await app.a.get(`${url}/2`)).body["pictures"]).toEqual([]);
});

it("sends a picture with what a cache wants to know", async () => {
  const response = await ask(`${url}/1/pictures/best`);
  expect(response.status).toBe(200);
  expect(Buffer.from(await response.arrayBuffer())).toEqual(picture);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    "content-type": "image/webp",
    "cache-control": "private, max-age=31536000, immutable",
    etag: tag,
  });
});

it.each([
  [tag, 304],
  [`"other", W/${tag}`, 304],
  ['"other"', 200],
])("answers If-None-Match %s with %i", async (header, status) => {
  const response = await ask(`${url}/1/pictures/best`, { "if-none-match": header });
  expect(response.status).toBe(status);
  expect((await response.arrayBuffer()).byteLength).toBe(status === 304 ? 0 : picture.length);
  expect(response.headers.get("etag")).toBe(tag);
});

it.each([
  ["1/pictures/worst", "404 picture_not_found kind"],
  ["2/pictures/best", "404 picture_not_found kind"],
  ["1/pictures/nicest", "400 invalid_request kind"],
  ["9/pictures/best", "404 version_not_found version"],
])("refuses %s", async (path, error) => {
  expect(errorOf(await app.a.get(`${url}/${path}`))).toBe(error);
});

it("is nobody else's", async () => {
  expect(errorOf(await app.b.get(`${url}/1/pictures/best`))).toBe("404 project_not_found project_id");
});
