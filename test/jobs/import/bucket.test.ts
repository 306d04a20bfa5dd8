import { DeleteObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { eq } from "../../../src/db/drizzle.ts";
import { getImport, insertImport } from "../../../src/db/queries/imports.ts";
import type { ProjectScope } from "../../../src/db/queries/scope.ts";
import { images } from "../../../src/db/schema/index.ts";
import type { ImportOptions } from "../../../src/domain/data-import.ts";
import { runImport } from "../../../src/jobs/import/run.ts";
import { newId } from "../../../src/lib/ids.ts";
import { Buckets } from "../../../src/storage/buckets.ts";
import { keys } from "../../../src/storage/keys.ts";
import { type Files, maskPng, picture } from "../../datasets/zips.ts";
import { s3TestStore } from "../../helpers/s3.ts";
import { coco } from "../../worlds/coco-square.ts";
import { pages, rowsIn } from "../../worlds/imports.ts";
import { type Bench, openBench } from "../../worlds/trainer.ts";
import { newProject } from "../../training/project.ts";

/** Imports of what lies in a bucket, on a server that speaks S3's protocol. */

/** What somebody else does once the bucket has been listed. */
let meanwhile: () => Promise<unknown> = async () => {};
/** The end of a key whose object lies in an archive, which the test server has none of. */
let asleep: string | null = null;
class BusyBuckets extends Buckets {
  override async *list(...asked: Parameters<Buckets["list"]>) {
    for await (const page of super.list(...asked))
      yield page.map((one) =>
        asleep !== null && one.key.endsWith(asleep) ? { ...one, asleep: "in an archive" } : one,
      );
    await meanwhile();
  }
}

let bench: Bench;
let s3: Awaited<ReturnType<typeof s3TestStore>>;
let client: S3Client;
let trainer: Bench["trainer"];
beforeAll(async () => {
  [bench, s3] = await Promise.all([openBench(), s3TestStore()]);
  client = new S3Client({ ...s3.options, requestChecksumCalculation: "WHEN_REQUIRED" });
  // Listings of more than one page.
  trainer = { ...bench.trainer, buckets: new BusyBuckets({ ...s3.options, pageSize: 4 }) };
});
afterAll(async () => {
  trainer.buckets.close();
  client.destroy();
  await bench.close();
  await s3.close();
});

let folder = 0;
let prefix: string;
beforeEach(() => {
  prefix = `sets/${folder++}/`;
  meanwhile = async () => {};
});

const size = { width: 80, height: 64 };
const Bucket = "objects";

const remove = (name: string) => client.send(new DeleteObjectCommand({ Bucket, Key: prefix + name }));

async function put(files: Files): Promise<void> {
  for (const [name, content] of Object.entries(files))
    await client.send(new PutObjectCommand({ Bucket, Key: prefix + name, Body: content as Buffer }));
}

/** Imports the place; the row, and the objects that were read for it. */
async function run(scope: ProjectScope, { dryRun = false, again = false, ...options }: Asked = {}) {
  const id = newId("imp");
  const from = { ...options, bucket: { name: Bucket, prefix, again } };
  const zip = { objectKey: keys.importZip(scope.projectId, id), bytes: 0, fileName: null };
  await insertImport(bench.services.db, { ...scope, id, ...zip, options: from, dryRun });
  s3.read.length = 0;
  await runImport(trainer, id, new AbortController().signal);
  const read = s3.read.map((key) => key.slice(prefix.length)).filter((name) => name !== "");
  return { row: await getImport(bench.services.db, scope, id), read };
}
type Asked = ImportOptions & { dryRun?: boolean; again?: boolean };

/** Once each: some are read a second time for the picture of an import. */
const picturesIn = (read: readonly string[]): string[] =>
  [...new Set(read)].filter((name) => name.startsWith("images/")).toSorted();
const codes = (row: { notes: readonly { code: string }[] | null }) => row.notes?.map(({ code }) => code);

describe("an import from a bucket", () => {
  it("brings images and masks as a zip of them does, and reads nothing twice", async () => {
    const scope = await newProject(bench.services.db);
    await put(await pages());
    const first = await run(scope);
    expect(first.row).toMatchObject({
      status: "succeeded",
      layout: "folders",
      imagesTotal: 5,
      imagesCreated: 5,
      annotationsCreated: 5,
      error: null,
    });
    const { images: rows } = await rowsIn(bench, scope);
    expect(rows.map(({ fileName, splitGroup }) => `${fileName} ${splitGroup}`).toSorted()).toEqual([
      "images/0.png a",
      "images/1.png a",
      "images/2.png b",
      "images/3.png b",
      "images/4.png c",
    ]);
    const again = await run(scope);
    expect(again.read).toEqual([]);
    expect(again.row).toMatchObject({ status: "succeeded", imagesCreated: 0, annotationsCreated: 0 });
    expect(again.row.notes?.[0]?.message).toContain("nothing was read");
  });

  it("reads what is new and what has changed, and no picture beside", async () => {
    const scope = await newProject(bench.services.db);
    const { "groups.csv": _, ...files } = await pages();
    await put(files);
    await run(scope);
    await put({
      "images/9.png": await picture(9, 80, 64),
      "masks/9.png": await maskPng([1, 1, 9, 9], size),
      "masks/2.png": await maskPng([40, 40, 60, 60], size),
    });
    const { row, read } = await run(scope);
    expect(row).toMatchObject({ status: "succeeded", imagesCreated: 1, annotationsCreated: 2 });
    // Masks are looked at to tell what their values mean.
    expect(picturesIn(read)).toEqual(["images/2.png", "images/9.png"]);
    expect(codes(row)).toEqual(["bucket_listed", "there_already"]);
    expect(row.notes?.[1]?.count).toBe(4);
  });

  it("reads all once more where a file has changed that says what others mean, and where it is asked to", async () => {
    const scope = await newProject(bench.services.db);
    await put(await pages());
    await run(scope);
    await put({ "groups.csv": "stem,group\n0,x\n" });
    const changed = await run(scope);
    expect(picturesIn(changed.read)).toHaveLength(5);
    const asked = await run(scope, { again: true });
    expect(picturesIn(asked.read)).toHaveLength(5);
    expect(asked.row).toMatchObject({ imagesCreated: 0, annotationsCreated: 0 });
  });

  it("brings an image again that was deleted, and keeps a dry run in no mind", async () => {
    const { db } = bench.services;
    const scope = await newProject(db);
    const { "groups.csv": _, ...files } = await pages();
    // The name of a Mac, whose letters and accents stand apart, is composed in what is imported.
    const { "images/0.png": picture0, "masks/0.png": mask0, ...others } = files;
    await put({ ...others, "images/a\u0308.png": picture0 ?? "", "masks/a\u0308.png": mask0 ?? "" });
    await run(scope, { dryRun: true });
    expect((await run(scope)).row.imagesCreated).toBe(5);
    const first = (await rowsIn(bench, scope)).images.find(
      ({ fileName }) => fileName === "images/\u00e4.png",
    );
    await db.delete(images).where(eq(images.id, first?.id ?? ""));
    const { row, read } = await run(scope);
    expect(row).toMatchObject({ status: "succeeded", imagesCreated: 1, annotationsCreated: 1 });
    expect(read.map(decodeURIComponent)).toContain("images/a\u0308.png");
  });

  it("reads annotation files of other tools, and leaves out what is no path", async () => {
    const scope = await newProject(bench.services.db);
    await put({
      "annotations.json": JSON.stringify(coco()),
      "images/a.png": await picture(1, 12, 8),
      "a//b.png": "x",
      ".hidden": "x",
    });
    const { row } = await run(scope);
    expect(row).toMatchObject({
      status: "succeeded",
      layout: "coco",
      imagesCreated: 1,
      annotationsCreated: 1,
    });
    expect(row.skipped).toEqual([expect.objectContaining({ code: "unread", count: 1 })]);
  });

  it("leaves out an object that a key before it has taken the name of, and says so", async () => {
    const scope = await newProject(bench.services.db);
    const { "groups.csv": _, ...files } = await pages();
    const picture7 = await picture(7, 80, 64);
    await put({ ...files, "images/a\u0308.png": picture7, "images/\u00e4.png": await picture(8, 80, 64) });
    const { row } = await run(scope);
    expect(row).toMatchObject({ status: "succeeded", imagesCreated: 6 });
    expect(row.skipped).toEqual([expect.objectContaining({ code: "unread", count: 1 })]);
  });

  it("fails with the reason where nothing is there, or the bucket is none", async () => {
    const scope = await newProject(bench.services.db);
    expect((await run(scope)).row).toMatchObject({
      status: "failed",
      error: { code: "import_layout_unknown", message: expect.stringContaining(`s3://objects/${prefix}`) },
    });
    const id = newId("imp");
    const zip = { objectKey: keys.importZip(scope.projectId, id), bytes: 0, fileName: null };
    const options = { bucket: { name: "nowhere", prefix: "", again: false } };
    await insertImport(bench.services.db, { ...scope, id, ...zip, options });
    await runImport(trainer, id, new AbortController().signal);
    expect(await getImport(bench.services.db, scope, id)).toMatchObject({
      status: "failed",
      error: { code: "bucket_unreadable", message: expect.stringContaining("NoSuchBucket") },
    });
  });

  it("keeps what it has where objects are gone from the bucket", async () => {
    const scope = await newProject(bench.services.db);
    const { "groups.csv": _, ...files } = await pages();
    await put(files);
    await run(scope);
    for (const name of ["images/0.png", "masks/0.png"]) await remove(name);
    expect((await run(scope)).row).toMatchObject({ status: "succeeded", imagesCreated: 0 });
    expect((await rowsIn(bench, scope)).images).toHaveLength(5);
  });

  it("leaves out what goes or changes after it was listed, says so, and brings it the next time", async () => {
    const scope = await newProject(bench.services.db);
    const { "groups.csv": _, ...files } = await pages();
    await put(files);
    meanwhile = async () => {
      await remove("images/0.png");
      await put({ "masks/1.png": await maskPng([40, 40, 60, 60], size) });
    };
    const { row } = await run(scope);
    expect(row).toMatchObject({ status: "succeeded", imagesCreated: 4, annotationsCreated: 3 });
    expect(row.skipped).toEqual([expect.objectContaining({ code: "file_changed", count: 2 })]);
    meanwhile = async () => {};
    await put({ "images/0.png": files["images/0.png"] ?? "" });
    const next = await run(scope);
    expect(next.row).toMatchObject({ imagesCreated: 1, annotationsCreated: 2, skipped: [] });
    expect(next.row.notes?.at(-1)).toMatchObject({ code: "there_already", count: 3 });
  });

  it("reads an object that lay in an archive once it has come back from there", async () => {
    const scope = await newProject(bench.services.db);
    const { "groups.csv": _, ...files } = await pages();
    await put(files);
    asleep = "images/2.png";
    const { row } = await run(scope);
    asleep = null;
    expect(row).toMatchObject({ status: "succeeded", imagesCreated: 4 });
    expect((await run(scope)).row).toMatchObject({ imagesCreated: 1, annotationsCreated: 1 });
  });

  it("lists again where what names the others has changed since, and gives up where it never rests", async () => {
    const scope = await newProject(bench.services.db);
    const image = await picture(1, 12, 8);
    await put({ "annotations.json": JSON.stringify(coco()), "images/a.png": image });
    let changes = 1;
    meanwhile = async () => {
      const text = JSON.stringify({ ...coco(), info: { changes } });
      if (changes-- > 0) await put({ "annotations.json": text });
    };
    expect((await run(scope)).row).toMatchObject({ status: "succeeded", annotationsCreated: 1, skipped: [] });
    changes = 9;
    expect((await run(scope, { again: true })).row).toMatchObject({
      status: "failed",
      error: { code: "import_file_changed", file: "annotations.json" },
    });
  });
});
