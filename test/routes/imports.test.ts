import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eq, sql } from "../../src/db/drizzle.ts";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ZipFile } from "yazl";
import { channels } from "../../src/db/listen.ts";
import { getImport } from "../../src/db/queries/imports.ts";
import { imports } from "../../src/db/schema/index.ts";
import { errorOf, idOf, overHttp, read, type TestApp, testApp } from "../helpers/app.ts";
import { makeProject } from "../helpers/seeds.ts";

let app: TestApp;
let project: string;
let url: string;
let zip: Buffer<ArrayBuffer>;
let temporary: string;
beforeAll(async () => {
  // A folder of this file alone, so that what another process uploads is not taken for something left behind.
  temporary = await mkdtemp(join(tmpdir(), "maskwright-test-"));
  vi.stubEnv("TMPDIR", temporary);
  app = await testApp({
    MAX_IMPORT_BYTES: 100_000,
    IMPORT_FOLDERS: ["/scans/open", "/scans/of/{workspace}"],
  });
  project = await makeProject(app.a);
  url = `/v1/projects/${project}/imports`;
  const file = new ZipFile();
  file.addBuffer(Buffer.from("no image, but the API does not look inside"), "images/a.png");
  file.end();
  const parts: Buffer[] = [];
  for await (const part of file.outputStream) parts.push(part as Buffer);
  zip = Buffer.concat(parts);
});
afterAll(async () => {
  await app?.close();
  vi.unstubAllEnvs();
  await rm(temporary, { recursive: true, force: true });
});

const zipType = { "content-type": "application/zip" };
const form = (bytes: Uint8Array<ArrayBuffer>, field = "file", name = "pages.zip"): FormData => {
  const data = new FormData();
  data.append(field, new File([bytes], name));
  return data;
};
/** Temporary folders of uploads that are there now. */
const uploads = async (): Promise<string[]> =>
  (await readdir(temporary)).filter((name) => name.startsWith("maskwright-upload-"));

describe("POST imports", () => {
  it("stores a raw zip, queues a row and tells the workers", async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const stop = await app.services.listener.watch(channels.imports, (id) => {
      if (id !== null) resolve(id);
    });
    const answer = await app.a.send("POST", url, { body: zip, headers: zipType });
    expect(answer.status).toBe(202);
    expect(answer.body).toEqual({
      id: expect.stringMatching(/^imp_/),
      object: "import",
      project_id: project,
      status: "queued",
      file_name: null,
      bucket: null,
      folder: null,
      bytes: zip.length,
      layout: null,
      dry_run: false,
      skipped: null,
      notes: null,
      summary: null,
      progress: { images_done: 0, images_total: null },
      images_created: null,
      annotations_created: null,
      error: null,
      created_at: expect.any(String),
      started_at: null,
      finished_at: null,
    });
    expect(await promise).toBe(idOf(answer));
    stop();
    expect(await app.store.get(`projects/${project}/imports/${idOf(answer)}.zip`)).toEqual(zip);
    expect((await app.a.get(`${url}/${idOf(answer)}`)).body).toEqual(answer.body);
    expect(await uploads()).toEqual([]);
  });

  it("takes a multipart field, its name without a path", async () => {
    const answer = await app.a.send("POST", url, { body: form(zip, "file", "../../etc/pages.zip") });
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({ file_name: "pages.zip", bytes: zip.length });
    expect(await app.store.get(`projects/${project}/imports/${idOf(answer)}.zip`)).toEqual(zip);
  });

  it("with an Idempotency-Key sent again, in another multipart envelope, is one import", async () => {
    const headers = { "idempotency-key": "once" };
    const first = await app.a.send("POST", url, { body: form(zip), headers });
    const before = await app.traces();
    const again = await app.a.send("POST", url, { body: form(zip), headers });
    expect(again.body).toEqual(first.body);
    expect(await app.traces()).toEqual(before);
    const other = Buffer.concat([zip, Buffer.from("x")]);
    expect(errorOf(await app.a.send("POST", url, { body: form(other), headers }))).toBe(
      "409 idempotency_key_reused",
    );
  });

  const big = new Uint8Array(200_000);
  it.each<[string, RequestInit["body"], Record<string, string>, string]>([
    ["no zip", "hello, I am text", zipType, "422 import_zip_invalid"],
    ["an empty body", "", zipType, "422 import_zip_invalid"],
    ["a raw body that is too large", big, zipType, "413 import_too_large"],
    ["a file that is too large", form(big), {}, "413 import_too_large"],
    ["no field `file`", form(new Uint8Array(10), "zip"), {}, "400 invalid_request file"],
    [
      "a multipart body that is none",
      "--x",
      { "content-type": "multipart/form-data; boundary=y" },
      "400 invalid_request",
    ],
    [
      "a multipart body without a boundary",
      "--x",
      { "content-type": "multipart/form-data" },
      "400 invalid_request",
    ],
    ["JSON", "{}", { "content-type": "application/json" }, "415 unsupported_media_type"],
  ])("refuses %s and leaves nothing behind", async (_what, body, headers, error) => {
    const before = await app.traces();
    expect(errorOf(await app.a.send("POST", url, { body, headers }))).toBe(error);
    expect(await app.traces()).toEqual(before);
    expect(await uploads()).toEqual([]);
  });

  it("survives a body that breaks off in a part that nobody reads", async () => {
    const body = [
      "--x",
      'Content-Disposition: form-data; name="zip"; filename="a.zip"',
      "Content-Type: application/zip",
      "",
      "PK and then nothing",
    ].join("\r\n");
    const headers = { "content-type": "multipart/form-data; boundary=x" };
    expect(errorOf(await app.a.send("POST", url, { body, headers }))).toBe("400 invalid_request");
    expect(await uploads()).toEqual([]);
  });

  it("streams under the real server, too", async () => {
    await overHttp(app.app, async (origin) => {
      const post = async (body: RequestInit["body"], headers: Record<string, string> = {}) =>
        read(
          await fetch(origin + url, {
            method: "POST",
            body,
            headers: { authorization: `Bearer ${app.a.key}`, ...headers },
            duplex: "half",
          }),
        );
      expect((await post(form(zip))).status).toBe(202);
      expect((await post(new Blob([zip]).stream(), zipType)).status).toBe(202);
      const start = new Blob([zip.subarray(0, 2)]).stream();
      expect(errorOf(await post(start, zipType))).toBe("422 import_zip_invalid");
    });
    expect(await uploads()).toEqual([]);
  });

  it("is not for another workspace", async () => {
    const before = await app.traces();
    expect(errorOf(await app.b.send("POST", url, { body: zip, headers: zipType }))).toBe(
      "404 project_not_found project_id",
    );
    expect(await app.traces()).toEqual(before);
  });
});

describe("POST imports:folder", () => {
  const ask = (body: object, headers = {}, client = app.a, own = url) =>
    client.post(`${own}:folder`, body, headers);

  it("queues an import of a folder that the setting opens", async () => {
    const answer = await ask({ folder: "/scans/open/may/", dry_run: true, masks: "binary" });
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({
      object: "import",
      status: "queued",
      dry_run: true,
      folder: "/scans/open/may",
      bucket: null,
      file_name: null,
      bytes: 0,
    });
    const row = await getImport(app.db, { workspaceId: app.a.workspaceId, projectId: project }, idOf(answer));
    expect(row.options).toEqual({
      masks: "binary",
      folder: { root: "/scans/open", path: "/scans/open/may" },
    });
  });

  it("lets a workspace into the folder of its own name, and into no other's", async () => {
    const own = `/v1/projects/${await makeProject(app.b)}/imports`;
    const folder = `/scans/of/${app.a.workspaceId}/x`;
    expect((await ask({ folder })).status).toBe(202);
    expect(errorOf(await ask({ folder }, {}, app.b, own))).toBe("403 folder_not_allowed folder");
    expect(errorOf(await ask({ folder: "/scans/open" }, {}, app.b))).toContain("404 project_not_found");
  });

  it("answers at the import's end where the caller waits for it", async () => {
    const queued = Promise.withResolvers<string>();
    const unwatch = await app.services.listener.watch(channels.imports, (id) => id && queued.resolve(id));
    const asked = ask({ folder: "/scans/open/june" }, { prefer: "wait=60" });
    const id = await queued.promise;
    await app.db.update(imports).set({ status: "succeeded", imagesCreated: 2 }).where(eq(imports.id, id));
    expect(await asked).toMatchObject({ status: 200, body: { id, status: "succeeded", images_created: 2 } });
    unwatch();
  });

  it("takes a key that has been used for another folder for a mistake", async () => {
    const headers = { "idempotency-key": "may" };
    const first = await ask({ folder: "/scans/open/a" }, headers);
    expect(idOf(await ask({ folder: "/scans/open/a" }, headers))).toBe(idOf(first));
    expect(errorOf(await ask({ folder: "/scans/open/b" }, headers))).toBe("409 idempotency_key_reused");
  });

  it.each<[string, object, string]>([
    ["a folder that is not open", { folder: "/etc" }, "403 folder_not_allowed folder"],
    ["a folder whose name goes on", { folder: "/scans/opened" }, "403 folder_not_allowed folder"],
    ["a way out", { folder: "/scans/open/../of" }, "400 invalid_request folder"],
    ["a relative path", { folder: "scans/open" }, "400 invalid_request folder"],
    ["no folder", {}, "400 invalid_request folder"],
    ["what it does not know", { folder: "/scans/open", url: "http://x" }, "400 invalid_request"],
  ])("refuses %s and queues nothing", async (_what, body, error) => {
    const before = await app.traces();
    expect(errorOf(await ask(body))).toContain(error);
    expect(await app.traces()).toEqual(before);
  });
});

describe("GET imports", () => {
  it("tells progress, and the file at which it failed", async () => {
    const id = idOf(await app.a.send("POST", url, { body: zip, headers: zipType }));
    await app.db.execute(sql`update imports set status = 'failed', layout = 'folders', images_total = 7,
      images_done = 3, started_at = now(), finished_at = now(),
      error = '{"code":"image_truncated","message":"it ends too early","file":"images/b.png"}' where id = ${id}`);
    expect((await app.a.get(`${url}/${id}`)).body).toMatchObject({
      status: "failed",
      layout: "folders",
      progress: { images_done: 3, images_total: 7 },
      error: { code: "image_truncated", message: "it ends too early", file: "images/b.png" },
    });
    expect((await app.a.get(`${url}?limit=1`)).body).toMatchObject({ data: [{ id }], has_more: true });
    expect(errorOf(await app.b.get(`${url}/${id}`))).toBe("404 import_not_found import_id");
    expect(errorOf(await app.b.get(url))).toBe("404 project_not_found project_id");
  });
});
