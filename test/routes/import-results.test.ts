import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { keys } from "../../src/storage/keys.ts";
import { errorOf, idOf, type TestApp, testApp } from "../helpers/app.ts";
import { makeProject } from "../helpers/seeds.ts";

/** What the worker wrote of one import, read over HTTP; how it comes about: test/datasets, test/jobs/import. */

let app: TestApp;
let project: string;
let id: string;
let url: string;
beforeAll(async () => {
  app = await testApp();
  project = await makeProject(app.a);
  const imports = `/v1/projects/${project}/imports`;
  const zip = Buffer.from("PK\u0005\u0006".padEnd(22, "\u0000"), "latin1");
  id = idOf(await app.a.send("POST", imports, { body: zip, headers: { "content-type": "application/zip" } }));
  url = `${imports}/${id}`;
});
afterAll(() => app?.close());

const entries = [
  { code: "mask_empty", reason: "The mask is empty.", file: "a/masks.json", line: 7, id: "12", count: 2 },
  { code: "file_unread", reason: "Nothing reads it.", file: '=1+1,"b".xyz', detail: "unknown" },
];
const asSent = [
  { ...entries[0], detail: null },
  { ...entries[1], line: null, id: null, count: 1 },
];

describe("an import's report", () => {
  it("is empty before there is one", async () => {
    const answer = await app.a.get(`${url}/report`);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ data: [] });
  });

  it("lists every entry, as JSON and as CSV that no spreadsheet takes for a formula, and is not sent twice", async () => {
    const lines = entries.map((entry) => JSON.stringify(entry)).join("\n");
    await app.store.put(keys.importReport(project, id), Buffer.from(lines));
    const json = await app.a.get(`${url}/report`);
    expect(json.body).toEqual({ data: asSent });
    const headers = { "if-none-match": String(json.headers.get("etag")) };
    expect((await app.a.send("GET", `${url}/report`, { headers })).status).toBe(304);
    const csv = await app.app.request(`${url}/report?format=csv`, {
      headers: { authorization: `Bearer ${app.a.key}` },
    });
    expect(await csv.text()).toBe(
      "code,file,line,id,detail,count,reason\r\n" +
        "mask_empty,a/masks.json,7,12,,2,The mask is empty.\r\n" +
        `file_unread,"'=1+1,""b"".xyz",,,unknown,1,Nothing reads it.\r\n`,
    );
  });

  it("is nobody else's", async () => {
    expect(errorOf(await app.b.get(`${url}/report`))).toMatch(/^404/);
    expect(errorOf(await app.a.get(`${url}x/report`))).toMatch(/^404 import_not_found/);
  });
});

describe("an import's picture", () => {
  it("is not there before objects came of it", async () => {
    expect(errorOf(await app.a.get(`${url}/picture`))).toBe("404 picture_not_found");
  });

  it("is sent once", async () => {
    await app.store.put(keys.importPicture(project, id), Buffer.from("RIFF....WEBP"));
    const answer = await app.a.get(`${url}/picture`);
    expect(answer.headers.get("content-type")).toBe("image/webp");
    const headers = { "if-none-match": String(answer.headers.get("etag")) };
    expect((await app.a.send("GET", `${url}/picture`, { headers })).status).toBe(304);
    expect(errorOf(await app.b.get(`${url}/picture`))).toMatch(/^404/);
  });
});
