import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { importLeases } from "../../../src/db/queries/leases.ts";
import { getImport } from "../../../src/db/queries/imports.ts";
import type { ProjectScope } from "../../../src/db/queries/scope.ts";
import { noQuotas } from "../../../src/db/queries/usage.ts";
import { decodeRle } from "../../../src/imaging/rle.ts";
import { keys } from "../../../src/storage/keys.ts";
import { giveUpImport, runImport } from "../../../src/jobs/import/run.ts";
import { storeImport } from "../../../src/jobs/import/store.ts";
import { LeaseLost } from "../../../src/jobs/held.ts";
import { type Files, maskPng, picture, useZips } from "../../datasets/zips.ts";
import { objectsIn, pages, rowsIn, uploadImport } from "../../worlds/imports.ts";
import { type Bench, openBench } from "../../worlds/trainer.ts";
import { newProject } from "../../training/project.ts";

let bench: Bench;
const zips = useZips();
beforeAll(async () => {
  bench = await openBench();
});
afterAll(async () => {
  await bench.close();
});

const never = new AbortController().signal;

const upload = async (
  scope: ProjectScope,
  files: Files,
  asked?: Parameters<typeof uploadImport>[3],
): Promise<string> => uploadImport(bench, scope, await zips.zip(files), asked);
const rowsOf = (scope: ProjectScope) => rowsIn(bench, scope);
const objectsOf = (scope: ProjectScope): Promise<string[]> => objectsIn(bench, scope);

/** Without the pictures of imports. */
const dataOf = async (scope: ProjectScope): Promise<string[]> =>
  (await objectsOf(scope)).filter((key) => !key.endsWith(".webp"));

describe("an import", () => {
  it("becomes images, groups and masks, and its zip goes", async () => {
    const { db, store } = bench.services;
    const scope = await newProject(db);
    const id = await upload(scope, await pages());
    const created = await runImport(bench.trainer, id, never);
    const rows = await rowsOf(scope);
    expect(created.toSorted()).toEqual(rows.images.map((image) => image.id).sort());
    expect(await getImport(db, scope, id)).toMatchObject({
      status: "succeeded",
      layout: "folders",
      imagesTotal: 5,
      imagesDone: 5,
      imagesCreated: 5,
      annotationsCreated: 5,
      error: null,
      leaseToken: null,
    });
    const byName = new Map(rows.images.map((image) => [image.fileName, image]));
    expect(byName.get("images/3.png")).toMatchObject({
      splitGroup: "b",
      width: 80,
      height: 64,
      format: "png",
    });
    const mask = rows.annotations.find(({ imageId }) => imageId === byName.get("images/3.png")?.id);
    expect(mask).toMatchObject({ box: [3, 2, 23, 30], area: 20 * 28, source: "import" });
    expect(decodeRle({ format: "rle", size: [64, 80], counts: mask?.counts ?? "" }).data).toHaveLength(5120);
    expect(await dataOf(scope)).toEqual(rows.images.map((image) => image.objectKey).sort());
    for (const image of rows.images) expect((await store.stat(image.objectKey))?.sha256).toBe(image.sha256);
  });

  it("adds only what is new when the same data comes again", async () => {
    const { db } = bench.services;
    const scope = await newProject(db);
    await runImport(bench.trainer, await upload(scope, await pages()), never);
    const again = await upload(scope, {
      ...(await pages()),
      "groups.csv": "5,d\n",
      "masks/0.png": await maskPng([40, 40, 60, 60], { width: 80, height: 64 }),
      "images/5.png": await picture(5, 80, 64),
      "masks/5.png": await maskPng([1, 1, 9, 9], { width: 80, height: 64 }),
    });
    expect(await runImport(bench.trainer, again, never)).toHaveLength(1);
    expect(await getImport(db, scope, again)).toMatchObject({ imagesCreated: 1, annotationsCreated: 2 });
    const rows = await rowsOf(scope);
    expect(rows.images).toHaveLength(6);
    expect(rows.annotations).toHaveLength(7);
    expect(rows.images.map((image) => image.splitGroup ?? "").sort()).toEqual(["a", "a", "b", "b", "c", "d"]);
  });

  it("leaves out what is at fault, tells it, and takes the rest", async () => {
    const { db, store } = bench.services;
    const scope = await newProject(db);
    const files = await pages();
    const broken = (files["images/4.png"] as Buffer).subarray(0, 900);
    const id = await upload(scope, { ...files, "images/4.png": broken, "notes.docx": "a letter" });
    expect(await runImport(bench.trainer, id, never)).toHaveLength(4);
    expect(await getImport(db, scope, id)).toMatchObject({
      status: "succeeded",
      skipped: [
        { code: "unread", count: 1 },
        { code: "image_unreadable", count: 1 },
      ],
      summary: { images: 4, annotations: 4, backgroundImages: 0, labels: [{ label: null, count: 4 }] },
    });
    const report = (await store.get(keys.importReport(scope.projectId, id))).toString("utf8");
    expect(
      report
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as object),
    ).toMatchObject([
      { code: "unread", file: "notes.docx" },
      { code: "image_unreadable", file: "images/4.png" },
    ]);
  });

  it("fails where more is at fault than is asked for, lists it and leaves nothing else behind", async () => {
    const { db } = bench.services;
    const scope = await newProject(db);
    const files = await pages();
    const broken = (files["images/4.png"] as Buffer).subarray(0, 900);
    const id = await upload(scope, { ...files, "images/4.png": broken }, { options: { maxSkippedShare: 0 } });
    expect(await runImport(bench.trainer, id, never)).toEqual([]);
    expect(await getImport(db, scope, id)).toMatchObject({
      status: "failed",
      error: {
        code: "import_skipped_too_much",
        file: "images/4.png",
        message: expect.stringMatching(/^1 of 5 entries are at fault, .*The first: images\/4\.png: /),
      },
    });
    expect(await rowsOf(scope)).toEqual({ images: [], annotations: [] });
    expect(await objectsOf(scope)).toEqual([keys.importReport(scope.projectId, id)]);
  });

  it("takes away only what it alone stored", async () => {
    const { db } = bench.services;
    const scope = await newProject(db);
    await runImport(bench.trainer, await upload(scope, await pages()), never);
    const before = await objectsOf(scope);
    const bad = {
      ...(await pages()),
      "groups.csv": "0,a\n",
      "images/00.png": await picture(9, 80, 64),
      "masks/00.png": await maskPng([1, 1, 9, 9], { width: 80, height: 64 }),
      "images/9.png": Buffer.from("no image at all"),
      "masks/9.png": await maskPng([1, 1, 9, 9], { width: 80, height: 64 }),
    };
    const id = await upload(scope, bad, { options: { maxSkippedShare: 0 } });
    await runImport(bench.trainer, id, never);
    expect(await getImport(db, scope, id)).toMatchObject({
      status: "failed",
      error: { file: "images/9.png" },
    });
    expect((await objectsOf(scope)).filter((key) => !key.endsWith(".jsonl"))).toEqual(before);
    expect((await rowsOf(scope)).images).toHaveLength(5);
  });

  it("is refused whole when the project would hold too many images", async () => {
    const { db } = bench.services;
    const scope = await newProject(db);
    await runImport(bench.trainer, await upload(scope, await pages()), never);
    const more = await upload(scope, {
      "images/x.png": await picture(77, 80, 64),
      "masks/x.png": await maskPng([1, 1, 9, 9], { width: 80, height: 64 }),
    });
    await runImport({ ...bench.trainer, maxImagesPerProject: 5 }, more, never);
    expect(await getImport(db, scope, more)).toMatchObject({
      status: "failed",
      error: { code: "too_many_images" },
    });
    expect((await rowsOf(scope)).images).toHaveLength(5);
    expect(await dataOf(scope)).toHaveLength(5);
  });

  it("is refused whole when the workspace would hold more than its quota", async () => {
    const { db } = bench.services;
    const scope = await newProject(db);
    const id = await upload(scope, await pages());
    const quotas = { ...noQuotas, images: 4 };
    await runImport({ ...bench.trainer, quotas }, id, never);
    expect(await getImport(db, scope, id)).toMatchObject({
      status: "failed",
      error: { code: "quota_exceeded", message: expect.stringContaining("its quota is 4") },
    });
    expect((await rowsOf(scope)).images).toHaveLength(0);
    expect(await objectsOf(scope)).toEqual([]);
  });

  it("goes back to the queue when the trainer is told to stop, and then runs from the start", async () => {
    const { db } = bench.services;
    const scope = await newProject(db);
    const id = await upload(scope, await pages());
    await expect(runImport(bench.trainer, id, AbortSignal.abort(new Error("stop now")))).rejects.toThrow(
      "stop now",
    );
    expect(await getImport(db, scope, id)).toMatchObject({ status: "queued", leaseToken: null });
    expect(await runImport(bench.trainer, id, never)).toHaveLength(5);
    expect(await runImport(bench.trainer, id, never)).toEqual([]);
    expect((await rowsOf(scope)).annotations).toHaveLength(5);
  });

  it("that was given up leaves neither its zip nor its images, and takes nothing of others", async () => {
    const { db, store } = bench.services;
    const scope = await newProject(db);
    const kept = { "images/kept.png": await picture(9, 80, 64), "images/too.png": await picture(8, 80, 64) };
    await runImport(bench.trainer, await upload(scope, kept), never);
    const before = await dataOf(scope);
    const id = await upload(scope, await pages());
    // Dies at the last moment, when all images are stored.
    const dying = {
      ...bench.trainer,
      db: new Proxy(db, {
        get: (target, name) => {
          if (name === "transaction") throw new Error("the database is away");
          return Reflect.get(target, name) as unknown;
        },
      }),
    };
    await expect(runImport(dying, id, never)).rejects.toThrow("the database is away");
    // Five images, the zip, and what was read of it.
    expect(await dataOf(scope)).toHaveLength(before.length + 7);
    await giveUpImport(bench.trainer, id, 4);
    expect(await objectsOf(scope)).toEqual(before);
    expect(await getImport(db, scope, id)).toMatchObject({ status: "failed", leaseToken: null });
    await giveUpImport(bench.trainer, id, 4);
    expect(await store.stat(keys.importZip(scope.projectId, id))).toBeNull();
  });

  it("can't be ended by a worker that lost its lease", async () => {
    const { db } = bench.services;
    const scope = await newProject(db);
    const id = await upload(scope, await pages());
    const lost = await importLeases.claim(db, id);
    await importLeases.claim(db, id);
    const stale = storeImport(db, {
      scope,
      lease: { id, token: lost?.leaseToken ?? "" },
      batches: [],
      maxImages: 100,
      quotas: noQuotas,
      keepParts: false,
    });
    await expect(stale).rejects.toThrow(LeaseLost);
    expect(await getImport(db, scope, id)).toMatchObject({ status: "running", imagesCreated: null });
  });
});
