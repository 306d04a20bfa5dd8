import { deflateSync } from "node:zlib";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApp } from "../../src/app.ts";
import { sql } from "../../src/db/drizzle.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { keys } from "../../src/storage/keys.ts";
import { errorOf, idOf, read, type TestApp, testApp } from "../helpers/app.ts";
import { asPng, asSharp, noiseImage } from "../worlds/images.ts";
import { wrapStore } from "../helpers/objects.ts";
import { makeProject, seedEmbedding, seedFineTune } from "../helpers/seeds.ts";

let app: TestApp;
let project: string;
let url: string;
beforeAll(async () => {
  app = await testApp({ MAX_BODY_BYTES: 1_000_000, MAX_IMAGES_PER_PROJECT: 6 });
  project = await makeProject(app.a);
  url = `/v1/projects/${project}/images`;
});
afterAll(() => app?.close());

const picture = async (seed: number): Promise<Uint8Array<ArrayBuffer>> =>
  Uint8Array.from(await asPng(noiseImage(60, 40, seed)));
const upload = (body: RequestInit["body"], query = "", headers: Record<string, string> = {}) =>
  app.a.send("POST", url + query, { body, headers: { "content-type": "image/png", ...headers } });

/** A PNG whose header claims a size that its data doesn't have. */
function pngOfSize(width: number, height: number): Uint8Array<ArrayBuffer> {
  const crcTable = Array.from({ length: 256 }, (_, n) => {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    return c >>> 0;
  });
  const crc = (data: Buffer): number => {
    let c = 0xffffffff;
    for (const byte of data) c = (crcTable[(c ^ byte) & 255] as number) ^ (c >>> 8);
    return (c ^ 0xffffffff) >>> 0;
  };
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const out = Buffer.alloc(body.length + 8);
    out.writeUInt32BE(data.length, 0);
    body.copy(out, 4);
    out.writeUInt32BE(crc(body), body.length + 4);
    return out;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 0, 0, 0, 0], 8);
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  const data = deflateSync(Buffer.alloc(1000));
  return Uint8Array.from(
    Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", data), chunk("IEND", Buffer.alloc(0))]),
  );
}

describe("PATCH an image", () => {
  it("keeps what is said of it, and takes it for empty where nothing is annotated", async () => {
    const id = idOf(await upload(await picture(71)));
    const one = `${url}/${id}`;
    const say = (complete: unknown) => app.a.send("PATCH", one, { json: { complete } });
    const said = async (complete: unknown) => {
      const { status, body: image } = await say(complete);
      return [status, image["complete"], image["complete_asked"], image["known_empty"]];
    };
    expect(await said(true)).toEqual([200, true, false, true]);
    expect(await said(false)).toEqual([200, false, false, false]);
    await app.services.db.execute(
      sql`update images set complete = null, complete_asked = true where id = ${id}`,
    );
    expect((await app.a.get(one)).body["complete_asked"]).toBe(true);
    expect(await said(null)).toEqual([200, null, false, false]);
    expect(errorOf(await say("yes"))).toBe("400 invalid_request complete");
    const stranger = await app.b.send("PATCH", one, { json: { complete: true } });
    expect(errorOf(stranger)).toBe("404 image_not_found image_id");
    expect(errorOf(await say("x".repeat(70_000)))).toBe("413 body_too_large");
    const text = { body: "true", headers: { "content-type": "text/plain" } };
    expect(errorOf(await app.a.send("PATCH", one, text))).toBe("415 unsupported_media_type");
    await app.a.send("DELETE", one);
  });
});

describe("POST images", () => {
  it("stores a raw body once: the same bytes again are the same image", async () => {
    const bytes = await picture(1);
    const answer = await upload(bytes, "?file_name=page%201.png&group=book");
    expect(answer.status).toBe(201);
    expect(answer.body).toEqual({
      id: expect.stringMatching(/^img_/),
      object: "image",
      width: 60,
      height: 40,
      sha256: sha256(bytes),
      bytes: bytes.length,
      format: "png",
      file_name: "page 1.png",
      group: "book",
      part: null,
      known_empty: false,
      complete: null,
      complete_asked: false,
      created_at: expect.any(String),
    });
    const before = await app.traces();
    const again = await upload(bytes);
    expect(again.status).toBe(200);
    expect(again.body).toEqual(answer.body);
    expect(await app.traces()).toEqual(before);
  });

  it("takes a multipart field, and sees a photo as it is held", async () => {
    const bytes = await asSharp(noiseImage(60, 40, 2))
      .jpeg()
      .withMetadata({ orientation: 6 })
      .toBuffer();
    const body = new FormData();
    body.append("file", new File([Uint8Array.from(bytes)], "photo.jpg"));
    body.append("group", "trip");
    const answer = await app.a.send("POST", url, { body });
    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({
      width: 40,
      height: 60,
      format: "jpeg",
      file_name: "photo.jpg",
      group: "trip",
    });
  });

  it("sent at the same time from many sides is one image", async () => {
    const bytes = await picture(3);
    const answers = await Promise.all([1, 2, 3, 4].map(() => upload(bytes)));
    expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, 200, 200, 201]);
    expect(new Set(answers.map(idOf)).size).toBe(1);
  });

  it("with an Idempotency-Key is answered alike", async () => {
    const bytes = await picture(4);
    const headers = { "idempotency-key": "upload" };
    const first = await upload(bytes, "", headers);
    const again = await upload(bytes, "", headers);
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect(errorOf(await upload(await picture(5), "", headers))).toBe("409 idempotency_key_reused");
  });

  it.each<[string, () => Promise<RequestInit["body"]> | RequestInit["body"], string]>([
    ["nothing", () => new Uint8Array(0), "422 image_empty"],
    ["what is no image", () => "just some text", "415 image_format_unsupported"],
    [
      "an image of another format",
      async () => Uint8Array.from(Buffer.from("8BPS\0\x01\0\0\0\0\0\0", "latin1")),
      "415 image_format_unsupported",
    ],
    ["a truncated PNG", async () => (await picture(6)).subarray(0, 2000), "422 image_truncated"],
    [
      "a truncated JPEG",
      async () => {
        const bytes = await asSharp(noiseImage(200, 200, 6))
          .jpeg()
          .toBuffer();
        return Uint8Array.from(bytes.subarray(0, bytes.length / 2));
      },
      "422 image_truncated",
    ],
    ["a bomb of 100 megapixels", () => pngOfSize(10_000, 10_000), "413 image_too_many_pixels"],
    ["more than a body may hold", () => new Uint8Array(1_000_001), "413 body_too_large"],
  ])("refuses %s and leaves nothing behind", async (_what, make, error) => {
    const before = await app.traces();
    expect(errorOf(await upload(await make()))).toBe(error);
    expect(await app.traces()).toEqual(before);
  });

  it("refuses what is no upload", async () => {
    const before = await app.traces();
    expect(errorOf(await app.a.post(url, { image: "x" }))).toBe("415 unsupported_media_type");
    expect(errorOf(await app.a.send("POST", url, { body: new FormData() }))).toBe("400 invalid_request file");
    const text = new FormData();
    text.append("file", "no file");
    expect(errorOf(await app.a.send("POST", url, { body: text }))).toBe("400 invalid_request file");
    expect(errorOf(await upload(await picture(7), `?group=${"g".repeat(201)}`))).toBe(
      "400 invalid_request group",
    );
    expect(await app.traces()).toEqual(before);
  });

  it("leaves no object when the row can't be made, but never takes another's", async () => {
    const before = await app.traces();
    const doomed = await makeProject(app.a, "doomed");
    // Written, and then it fails all the same.
    const store = wrapStore(app.store, {
      putFile: async (key, path) => {
        const { bytes } = await app.store.putFile(key, path);
        throw new Error(`lost after ${bytes} bytes`);
      },
    });
    const failing = createApp({ ...app.services, store });
    const send = async (projectId: string, bytes: Uint8Array<ArrayBuffer>) =>
      read(
        await failing.request(`/v1/projects/${projectId}/images`, {
          method: "POST",
          headers: { authorization: `Bearer ${app.a.key}` },
          body: bytes,
        }),
      );
    expect(errorOf(await send(doomed, await picture(8)))).toBe("500 internal_error");
    expect((await app.traces())["objects"]).toEqual(before["objects"]);
    // These bytes are an image of the project already: the store is not asked at all.
    expect((await send(project, await picture(1))).status).toBe(200);
    expect((await app.traces())["objects"]).toEqual(before["objects"]);
  });

  it("stops at the images that a project may hold", async () => {
    const { data } = (await app.a.get(url)).body as { data: unknown[] };
    for (let i = data.length; i < 6; i++) expect((await upload(await picture(20 + i))).status).toBe(201);
    const before = await app.traces();
    expect(errorOf(await upload(await picture(40)))).toBe("409 too_many_images");
    expect(await app.traces()).toEqual(before);
  });

  it("is not for another workspace", async () => {
    const before = await app.traces();
    const body = await picture(9);
    expect(errorOf(await app.b.send("POST", url, { body }))).toBe("404 project_not_found project_id");
    expect(await app.traces()).toEqual(before);
  });
});

describe("images that are there", () => {
  it("are listed, described and sent back byte for byte, to their workspace alone", async () => {
    const bytes = await picture(1);
    const image = await upload(bytes);
    const one = `${url}/${idOf(image)}`;
    expect((await app.a.get(one)).body).toEqual(image.body);
    const { body } = await app.a.get(`${url}?limit=1`);
    expect(body).toMatchObject({ has_more: true });
    const content = await app.app.request(`${one}/content`, {
      headers: { authorization: `Bearer ${app.a.key}` },
    });
    expect(new Uint8Array(await content.arrayBuffer())).toEqual(bytes);
    expect(content.headers.get("content-type")).toBe("image/png");
    expect(content.headers.get("x-content-type-options")).toBe("nosniff");
    for (const path of [one, `${one}/content`]) {
      expect(errorOf(await app.b.get(path))).toBe("404 image_not_found image_id");
    }
    expect(errorOf(await app.b.get(url))).toBe("404 project_not_found project_id");
    expect(errorOf(await app.b.send("DELETE", one))).toBe("404 image_not_found image_id");
  });

  it("are deleted with their annotations and bytes, but not under a fine-tune", async () => {
    const image = await upload(await picture(1));
    const one = `${url}/${idOf(image)}`;
    const data = await sharp({ create: { width: 60, height: 40, channels: 3, background: "white" } })
      .png()
      .toBuffer();
    const mask = { format: "png", data: data.toString("base64") };
    const made = await app.a.post(`/v1/projects/${project}/annotations`, { image_id: idOf(image), mask });
    expect(made.status).toBe(201);
    const fineTune = await seedFineTune(app, project);
    expect(errorOf(await app.a.send("DELETE", one))).toBe("409 image_in_use");
    await app.a.post(`/v1/projects/${project}/fine-tunes/${fineTune}/cancel`, {});
    const before = await app.traces();
    expect((await app.a.send("DELETE", one)).body).toMatchObject({ deleted: true });
    const after = await app.traces();
    expect(after["images"]).toBe(Number(before["images"]) - 1);
    expect(after["annotations"]).toBe(Number(before["annotations"]) - 1);
    expect(after["objects"]).toHaveLength((before["objects"] as string[]).length - 1);
    expect(errorOf(await app.a.get(one))).toBe("404 image_not_found image_id");
  });

  it("whose bytes are lost are our failure, and nothing tells where they lay", async () => {
    const image = await upload(await picture(1));
    const key = keys.image(project, String(image.body["sha256"]));
    const bytes = await app.store.get(key);
    await app.store.delete(key);
    const answer = await app.a.get(`${url}/${idOf(image)}/content`);
    expect(errorOf(answer)).toBe("500 image_damaged");
    expect(JSON.stringify(answer.body)).not.toContain(project);
    await app.store.put(key, bytes);
  });

  it("take their embedding along with the last of the workspace", async () => {
    const bytes = await picture(50);
    const embedding = await seedEmbedding(app, sha256(bytes));
    const others = await seedEmbedding(app, sha256(bytes), app.b);
    const there = async (key: string) => (await app.store.stat(key)) !== null;
    const urls: string[] = [];
    for (const name of ["first", "second"]) {
      const path = `/v1/projects/${await makeProject(app.a, name)}/images`;
      urls.push(`${path}/${idOf(await app.a.send("POST", path, { body: bytes }))}`);
    }
    await app.a.send("DELETE", urls[0] as string);
    expect(await there(embedding)).toBe(true);
    await app.a.send("DELETE", urls[1] as string);
    expect(await there(embedding)).toBe(false);
    expect(await there(others)).toBe(true);
  });
});
