import { ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { eq } from "../../src/db/drizzle.ts";
import { channels } from "../../src/db/listen.ts";
import { getImport } from "../../src/db/queries/imports.ts";
import { imports } from "../../src/db/schema/index.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { keys } from "../../src/storage/keys.ts";
import { errorOf, idOf, overHttp, type TestApp, testApp } from "../helpers/app.ts";
import { run } from "../../src/cli/main.ts";
import { s3TestStore } from "../helpers/s3.ts";
import { sink } from "../helpers/sink.ts";
import { makeProject, rectangleRle, seedImage } from "../helpers/seeds.ts";

/** What lies in buckets, over HTTP: who may name which place, and what an export writes there. */

let app: TestApp;
let s3: Awaited<ReturnType<typeof s3TestStore>>;
let client: S3Client;
let project: string;
beforeAll(async () => {
  s3 = await s3TestStore();
  // The installation's own credentials.
  vi.stubEnv("AWS_ACCESS_KEY_ID", s3.options.credentials.accessKeyId);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", s3.options.credentials.secretAccessKey);
  client = new S3Client(s3.options);
  app = await testApp({
    S3_ENDPOINT: s3.endpoint,
    S3_FORCE_PATH_STYLE: true,
    IMPORT_BUCKETS: ["objects/in", "objects/of/{workspace}"],
    EXPORT_BUCKETS: ["objects/out", "nowhere"],
  });
  project = await makeProject(app.a);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  client?.destroy();
  await app?.close();
  await s3?.close();
});

const importUrl = (): string => `/v1/projects/${project}/imports:bucket`;
const exportUrl = (of = project): string => `/v1/projects/${of}/annotations:bucket`;
/** An image whose object lies in the store. */
async function imageIn(own: string): Promise<string> {
  const id = await seedImage(app, own);
  await app.store.put(keys.image(own, sha256(id)), Buffer.from(id));
  return id;
}
const keysIn = async (Prefix: string): Promise<string[]> =>
  ((await client.send(new ListObjectsV2Command({ Bucket: "objects", Prefix }))).Contents ?? []).map(
    ({ Key = "" }) => Key,
  );

describe("POST imports:bucket", () => {
  it("queues an import of a place that the setting lists", async () => {
    const answer = await app.a.post(importUrl(), {
      bucket: "objects",
      prefix: "in/may",
      masks: "binary",
      max_skipped_share: 0.5,
    });
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({
      object: "import",
      status: "queued",
      bucket: { name: "objects", prefix: "in/may/" },
      file_name: null,
      bytes: 0,
    });
    const row = await getImport(app.db, { workspaceId: app.a.workspaceId, projectId: project }, idOf(answer));
    expect(row.options).toEqual({
      masks: "binary",
      maxSkippedShare: 0.5,
      bucket: { name: "objects", prefix: "in/may/", again: false },
    });
  });

  it("lets a workspace into the folder of its own name, and into no other's", async () => {
    const ask = (workspace: string) =>
      app.a.post(importUrl(), { bucket: "objects", prefix: `of/${workspace}`, dry_run: true });
    expect((await ask(app.a.workspaceId)).status).toBe(202);
    expect(errorOf(await ask(app.b.workspaceId))).toBe("403 bucket_not_allowed prefix");
  });

  it("answers at the import's end where the caller waits for it", async () => {
    const queued = Promise.withResolvers<string>();
    const unwatch = await app.services.listener.watch(channels.imports, (id) => id && queued.resolve(id));
    const asked = app.a.post(importUrl(), { bucket: "objects", prefix: "in" }, { prefer: "wait=60" });
    const id = await queued.promise;
    await app.db.update(imports).set({ status: "succeeded", imagesCreated: 2 }).where(eq(imports.id, id));
    expect(await asked).toMatchObject({ status: 200, body: { id, status: "succeeded", images_created: 2 } });
    unwatch();
  });

  it("takes a key that has been used for another place for a mistake", async () => {
    const headers = { "idempotency-key": "may" };
    const first = await app.a.post(importUrl(), { bucket: "objects", prefix: "in/may" }, headers);
    const again = await app.a.post(importUrl(), { bucket: "objects", prefix: "in/may" }, headers);
    expect(idOf(again)).toBe(idOf(first));
    const other = await app.a.post(importUrl(), { bucket: "objects", prefix: "in/june" }, headers);
    expect(errorOf(other)).toBe("409 idempotency_key_reused");
  });

  it.each<[string, object, string]>([
    ["a bucket that is not listed", { bucket: "others" }, "403 bucket_not_allowed bucket"],
    ["all of a bucket of which a folder is listed", { bucket: "objects" }, "403 bucket_not_allowed prefix"],
    ["a folder whose name goes on", { bucket: "objects", prefix: "inner" }, "403 bucket_not_allowed prefix"],
    ["a way out", { bucket: "objects", prefix: "in/../of" }, "400 invalid_request prefix"],
    ["no bucket", { prefix: "in" }, "400 invalid_request bucket"],
    ["what it does not know", { bucket: "objects", prefix: "in", url: "http://x" }, "400 invalid_request"],
  ])("refuses %s and queues nothing", async (_what, body, error) => {
    const before = await app.traces();
    const answer = await app.a.post(importUrl(), body);
    expect(errorOf(answer)).toContain(error);
    if (error.startsWith("403")) expect(JSON.stringify(answer.body)).toContain("IMPORT_BUCKETS");
    expect(await app.traces()).toEqual(before);
  });
});

describe("POST annotations:bucket", () => {
  it("writes images, then their COCO file; what lies there is not sent again", async () => {
    const own = await makeProject(app.a);
    const id = await imageIn(own);
    await imageIn(own);
    await app.a.post(`/v1/projects/${own}/annotations`, {
      image_id: id,
      mask: rectangleRle([2, 2, 6, 6]),
      label: "stamp",
    });
    const first = await app.a.post(exportUrl(own), { bucket: "objects", prefix: "out/a" });
    expect(first.status).toBe(200);
    expect(first.body).toMatchObject({
      object: "bucket_export",
      bucket: { name: "objects", prefix: "out/a/" },
      images_total: 2,
      images_written: 2,
      images_there: 0,
      images_renamed: 0,
      has_more: false,
      next_cursor: null,
      file: "out/a/annotations.json",
    });
    const export_ = await app.a.get(`/v1/projects/${own}/annotations/export`);
    const names = (export_.body["images"] as { file_name: string }[]).map((image) => image.file_name);
    expect(await keysIn("out/a/")).toEqual(
      [...names, "annotations.json"].map((name) => `out/a/${name}`).toSorted(),
    );
    const again = await app.a.post(exportUrl(own), { bucket: "objects", prefix: "out/a" });
    expect(again.body).toMatchObject({ images_written: 0, images_there: 2 });
  });

  it("comes back for what is behind the images of one request", async () => {
    const own = await makeProject(app.a);
    for (let k = 0; k < 51; k++) await imageIn(own);
    const first = await app.a.post(exportUrl(own), { bucket: "objects", prefix: "out/b" });
    expect(first.body).toMatchObject({ images_total: 51, images_written: 50, has_more: true, file: null });
    const cursor = first.body["next_cursor"];
    const last = await app.a.post(exportUrl(own), { bucket: "objects", prefix: "out/b", cursor });
    expect(last.body).toMatchObject({ images_written: 1, has_more: false, file: "out/b/annotations.json" });
    expect(await keysIn("out/b/")).toHaveLength(52);
  });

  it.each<[string, object, string]>([
    [
      "a place that is open to imports alone",
      { bucket: "objects", prefix: "in" },
      "403 bucket_not_allowed prefix",
    ],
    ["a bucket that is none", { bucket: "nowhere", images: false }, "422 bucket_unwritable bucket"],
    ["a cursor of no page", { bucket: "objects", prefix: "out", cursor: "x" }, "400 invalid_request cursor"],
  ])("refuses %s", async (_what, body, error) => {
    expect(errorOf(await app.a.post(exportUrl(), body))).toBe(error);
  });
});

describe("the command line", () => {
  const maskwright = async (argv: string[]) => {
    const [out, err] = [sink(), sink()];
    let code = 0;
    await overHttp(app.app, async (url) => {
      const env = { url, key: app.a.key, loginFile: "/nowhere" };
      code = await run(argv, env, { out: out.stream, err: err.stream });
    });
    return { code, out: out.text(), err: err.text() };
  };

  it("exports page by page, and tells what came of it", async () => {
    const own = await makeProject(app.a);
    await imageIn(own);
    const to = ["export", "annotations", own, "--to"];
    expect(await maskwright([...to, "s3://objects/out/c"])).toMatchObject({
      code: 0,
      out: "wrote 1 images (0 were there) and s3://objects/out/c/annotations.json\n",
    });
    expect((await maskwright([...to, "out/c"])).err).toContain("--to takes s3://BUCKET/PREFIX");
  });

  it("says which setting opens a bucket, and takes --again for nothing else", async () => {
    const refused = await maskwright(["import", "s3://others/a", "--project", project]);
    expect(refused.code).toBe(1);
    expect(refused.err).toContain("bucket_not_allowed");
    expect(refused.err).toContain("IMPORT_BUCKETS");
    expect((await maskwright(["import", "s3:///a"])).err).toContain("names no bucket");
    expect((await maskwright(["import", "folder", "--again"])).err).toContain("--again goes with s3://");
  });
});
