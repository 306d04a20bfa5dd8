import { sql } from "../../src/db/drizzle.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApp } from "../../src/app.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { keys } from "../../src/storage/keys.ts";
import { type Answer, errorOf, idOf, read, type TestApp, testApp } from "../helpers/app.ts";
import { holdToContract } from "../helpers/contract.ts";
import { asPng, noiseImage } from "../worlds/images.ts";
import { s3TestStore } from "../helpers/s3.ts";
import { makeProject, seedVersion } from "../helpers/seeds.ts";

interface Link {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
}

let app: TestApp;
let project: string;
beforeAll(async () => {
  app = await testApp({ MAX_BODY_BYTES: 100_000, MAX_IMPORT_BYTES: 200_000, MAX_IMAGE_PIXELS: 5000 });
  project = await makeProject(app.a);
});
afterAll(() => app?.close());

const picture = async (seed: number) => Uint8Array.from(await asPng(noiseImage(60, 40, seed)));
const url = () => `/v1/projects/${project}/uploads`;
const announce = (bytes: Uint8Array, json: object = {}, headers: Record<string, string> = {}) =>
  app.a.post(
    url(),
    { purpose: "image", bytes: bytes.length, sha256: sha256(bytes), file_name: "a page.png", ...json },
    headers,
  );
const linkOf = ({ body }: Answer): Link => (body["link"] ?? body) as Link;

/** As a client without a key sends it. */
const follow = async ({ method, url: to, headers }: Link, body?: Uint8Array<ArrayBuffer>) =>
  app.app.request(to, { method, headers, ...(body && { body }) });

const complete = (made: Answer) => app.a.post(`${url()}/${idOf(made)}/complete`, {});

describe("an upload by a link", () => {
  it("becomes an image, without a key and without the API's own body", async () => {
    const bytes = await picture(1);
    const made = await announce(bytes, { group: "book" });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      id: expect.stringMatching(/^upl_/),
      object: "upload",
      status: "pending",
      image_id: null,
    });
    expect(errorOf(await complete(made))).toBe("409 upload_incomplete");
    const link = linkOf(made);
    expect(link).toMatchObject({ object: "link", method: "PUT" });
    expect((await follow(link, bytes)).status).toBe(204);
    const done = await complete(made);
    expect(done.body).toMatchObject({ status: "completed", completed_at: expect.any(String) });
    const image = await app.a.get(`/v1/projects/${project}/images/${String(done.body["image_id"])}`);
    expect(image.body).toMatchObject({
      sha256: sha256(bytes),
      file_name: "a page.png",
      group: "book",
      width: 60,
    });
    expect((await complete(made)).body).toEqual(done.body);
    expect((await app.a.get(`${url()}/${idOf(made)}`)).body).toEqual(done.body);
    expect(await app.store.stat(keys.upload(project, idOf(made)))).toBeNull();
  });

  it("becomes one import, also when it is completed twice at once", async () => {
    const zip = Uint8Array.from(Buffer.from("PK\u0005\u0006 and more"));
    const made = await announce(zip, { purpose: "import", file_name: "pages.zip" });
    expect((await follow(linkOf(made), zip)).status).toBe(204);
    const [one, two] = await Promise.all([complete(made), complete(made)]);
    expect(one.body["import_id"]).toMatch(/^imp_/);
    expect(two.body["import_id"]).toBe(one.body["import_id"]);
    const imports = await app.a.get(`/v1/projects/${project}/imports`);
    expect(imports.body["data"]).toMatchObject([
      { id: one.body["import_id"], bytes: zip.length, file_name: "pages.zip", status: "queued" },
    ]);
  });

  it("takes just the bytes that were announced", async () => {
    const bytes = await picture(2);
    const made = await announce(bytes);
    const link = linkOf(made);
    const told = async (body: Uint8Array<ArrayBuffer>) => errorOf(await read(await follow(link, body)));
    const other = Uint8Array.from(bytes);
    other[100] = (other[100] as number) ^ 1;
    expect(await told(other)).toBe("422 upload_mismatch");
    expect(await told(bytes.slice(1))).toBe("422 upload_mismatch");
    expect(await told(Uint8Array.from([...bytes, 0]))).toBe("413 body_too_large");
    expect(errorOf(await complete(made))).toBe("409 upload_incomplete");
    expect((await follow(link, bytes)).status).toBe(204);
    expect((await complete(made)).status).toBe(200);
  });

  it("of what is no image is refused where it is completed", async () => {
    const text = Uint8Array.from(Buffer.from("just some text"));
    const made = await announce(text);
    await follow(linkOf(made), text);
    expect(errorOf(await complete(made))).toBe("415 image_format_unsupported");
    const large = Uint8Array.from(await asPng(noiseImage(100, 60, 1)));
    const pixels = await announce(large);
    await follow(linkOf(pixels), large);
    expect(errorOf(await complete(pixels))).toBe("413 image_too_many_pixels");
    const asJson = { ...linkOf(pixels), headers: { "content-type": "application/json" } };
    expect(errorOf(await read(await follow(asJson, large)))).toBe("415 unsupported_media_type");
    const empty = await announce(new Uint8Array(1), { bytes: 0 });
    expect(errorOf(empty)).toBe("400 invalid_request bytes");
  });

  it("is refused before it is sent where it could never be stored", async () => {
    const bytes = new Uint8Array(1);
    expect(errorOf(await announce(bytes, { bytes: 100_001 }))).toBe("413 body_too_large bytes");
    const zip = { purpose: "import", bytes: 200_001 };
    expect(errorOf(await announce(bytes, zip))).toBe("413 import_too_large bytes");
    expect(errorOf(await announce(bytes, { sha256: "x" }))).toBe("400 invalid_request sha256");
    expect(errorOf(await announce(bytes, { purpose: "mask" }))).toBe("400 invalid_request purpose");
  });

  it("announced again with its Idempotency-Key has another link to the same place", async () => {
    const bytes = await picture(3);
    const headers = { "idempotency-key": "upload-1" };
    const [first, again] = [await announce(bytes, {}, headers), await announce(bytes, {}, headers)];
    expect(idOf(again)).toBe(idOf(first));
    expect((await follow(linkOf(again), bytes)).status).toBe(204);
    expect((await complete(first)).status).toBe(200);
    const other = await announce(await picture(10), {}, headers);
    expect(errorOf(other)).toBe("409 idempotency_key_reused");
    const kept = JSON.stringify(await app.db.execute(sql`select body from idempotency_keys`));
    expect(kept).not.toContain("/v1/links/");
  });

  it("is over when its time is, and the next one clears it away", async () => {
    const bytes = await picture(4);
    const made = await announce(bytes);
    await follow(linkOf(made), bytes);
    await app.db.execute(
      sql`update uploads set expires_at = now() - interval '2 hours' where id = ${idOf(made)}`,
    );
    expect(errorOf(await complete(made))).toBe("404 upload_not_found upload_id");
    expect(await app.store.stat(keys.upload(project, idOf(made)))).not.toBeNull();
    await announce(bytes);
    expect(await app.store.stat(keys.upload(project, idOf(made)))).toBeNull();
  });

  it("is another workspace's affair", async () => {
    const made = await announce(await picture(5));
    const path = `${url()}/${idOf(made)}`;
    expect(errorOf(await app.b.get(path))).toBe("404 upload_not_found upload_id");
    expect(errorOf(await app.b.post(`${path}/complete`, {}))).toBe("404 upload_not_found upload_id");
    expect(errorOf(await app.b.post(url(), { purpose: "image", bytes: 1, sha256: sha256("") }))).toBe(
      "404 project_not_found project_id",
    );
  });
});

describe("a link to read", () => {
  it("opens an image or a version's weights to who has no key", async () => {
    const bytes = await picture(6);
    const image = await app.a.send("POST", `/v1/projects/${project}/images?file_name=m%C3%BCll.png`, {
      body: bytes,
    });
    const made = await app.a.post(`/v1/projects/${project}/images/${idOf(image)}/link`, {});
    expect(made.status).toBe(200);
    const response = await follow(linkOf(made));
    expect(response.headers.get("content-type")).toBe("image/png");
    expect(response.headers.get("content-disposition")).toBe(
      `attachment; filename="m_ll.png"; filename*=UTF-8''m%C3%BCll.png`,
    );
    expect(sha256(new Uint8Array(await response.arrayBuffer()))).toBe(sha256(bytes));
    await seedVersion(app, project, 1, Buffer.from("weights"));
    const weights = await app.a.post(`/v1/projects/${project}/versions/1/link`, {});
    expect(await (await follow(linkOf(weights))).text()).toBe("weights");
    expect(errorOf(await app.a.post(`/v1/projects/${project}/versions/2/link`, {}))).toMatch(
      /^404 version_not_found/,
    );
    expect(errorOf(await app.a.post(`/v1/projects/${project}/images/img_none/link`, {}))).toBe(
      "404 image_not_found image_id",
    );
  });

  it("is good for nothing else, and not when it was tampered with or is over", async () => {
    const image = await app.a.send("POST", `/v1/projects/${project}/images`, { body: await picture(7) });
    const made = await app.a.post(`/v1/projects/${project}/images/${idOf(image)}/link`, {});
    const link = linkOf(made);
    const told = async (to: string, method = "GET") =>
      errorOf(await read(await follow({ method, url: to, headers: {} })));
    expect(await told(link.url, "PUT")).toBe("403 link_invalid");
    const [head = "", , signature = ""] = new URL(link.url).pathname.slice("/v1/links/".length).split(".");
    const forge = (says: object) => Buffer.from(JSON.stringify(says)).toString("base64url");
    const says = { method: "GET", key: "projects/other/images/x", type: "image/png", name: "x", exp: 9e9 };
    expect(await told(`/v1/links/${head}.${forge(says)}.${signature}`)).toBe("403 link_invalid");
    const none = forge({ alg: "none", typ: "JWT" });
    expect(await told(`/v1/links/${none}.${forge(says)}.`)).toBe("403 link_invalid");
    expect(await told("/v1/links/x")).toBe("403 link_invalid");
    const put = linkOf(await announce(await picture(8)));
    expect(await told(put.url)).toBe("403 link_invalid");
    await app.db.execute(sql`update signing_secrets set secret = 'another'`);
    expect(await told(link.url)).toBe("403 link_invalid");
  });

  it("to an object that is gone says so", async () => {
    const image = await app.a.send("POST", `/v1/projects/${project}/images`, { body: await picture(9) });
    const path = `/v1/projects/${project}/images/${idOf(image)}`;
    const link = linkOf(await app.a.post(`${path}/link`, {}));
    expect((await app.a.send("DELETE", path)).status).toBe(200);
    expect((await follow(link)).status).toBe(500);
  });
});

describe("with S3", () => {
  it("bytes go straight to the bucket and back, and others than announced are found out", async () => {
    const s3 = await s3TestStore();
    try {
      const direct = holdToContract(createApp({ ...app.services, store: s3.store }));
      const post = async (path: string, json: object) =>
        read(
          await direct.request(path, {
            method: "POST",
            headers: { authorization: `Bearer ${app.a.key}`, "content-type": "application/json" },
            body: JSON.stringify(json),
          }),
        );
      const bytes = await picture(11);
      const body = { purpose: "image", bytes: bytes.length, sha256: sha256(bytes) };
      const made = await post(url(), body);
      const link = linkOf(made);
      expect(link.url.startsWith(s3.endpoint)).toBe(true);
      const done = () => post(`${url()}/${idOf(made)}/complete`, {});
      const put = async (data: Uint8Array<ArrayBuffer>) =>
        fetch(link.url, { method: "PUT", headers: link.headers, body: data });
      const other = bytes.toReversed();
      // Amazon refuses these by their checksum; a server that does not look must not get them past us.
      const stored = await put(other);
      if (stored.ok) expect(errorOf(await done())).toBe("422 upload_mismatch");
      expect((await put(bytes)).status).toBe(200);
      const image = await done();
      expect(image.status).toBe(200);
      const path = `/v1/projects/${project}/images/${String(image.body["image_id"])}/link`;
      const answer = await fetch(linkOf(await post(path, {})).url);
      expect(answer.headers.get("content-type")).toBe("image/png");
      expect(sha256(new Uint8Array(await answer.arrayBuffer()))).toBe(sha256(bytes));
    } finally {
      await s3.store.close();
      await s3.close();
    }
  });
});
