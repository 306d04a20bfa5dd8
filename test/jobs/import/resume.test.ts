import { readFile } from "node:fs/promises";
import { eq } from "../../../src/db/drizzle.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { getImport } from "../../../src/db/queries/imports.ts";
import type { ProjectScope } from "../../../src/db/queries/scope.ts";
import { annotations, images } from "../../../src/db/schema/index.ts";
import { giveUpImport, runImport } from "../../../src/jobs/import/run.ts";
import type { TrainerServices } from "../../../src/jobs/services.ts";
import { keys } from "../../../src/storage/keys.ts";
import type { ObjectStore } from "../../../src/storage/store.ts";
import { type Files, maskPng, picture, useZips } from "../../datasets/zips.ts";
import { keysBelow } from "../../helpers/objects.ts";
import { uploadImport } from "../../worlds/imports.ts";
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
/** Eight pictures with 400 squares each, so that three make a part; the sixth picture can't be read, one outline is none. */
async function grid(): Promise<Files> {
  const files: Files = {};
  const squares: object[] = [];
  for (let image = 0; image < 8; image++) {
    files[`images/${image}.png`] = image === 5 ? Buffer.from("no picture") : await picture(image, 64, 64);
    for (let k = 0; k < 400; k++) {
      const [x, y] = [3 * (k % 20), 3 * Math.floor(k / 20)];
      const ring = image === 1 && k === 7 ? [1, 2] : [x, y, x + 2, y, x + 2, y + 2, x, y + 2];
      squares.push({ id: 1000 * image + k, image_id: image, category_id: 1, segmentation: [ring] });
    }
  }
  files["annotations.json"] = {
    images: Array.from({ length: 8 }, (_, id) => ({ id, file_name: `${id}.png`, width: 64, height: 64 })),
    categories: [{ id: 1, name: "square" }],
    annotations: squares,
  };
  return files;
}

const upload = (scope: ProjectScope, path: string): Promise<string> =>
  uploadImport(bench, scope, path, { options: { maxSkippedShare: 0.5 } });

/** Services whose store tells which images are written, and fails at the write of `dying`. */
function watched(dying?: (key: string) => boolean) {
  const written: string[] = [];
  const { store } = bench.services;
  const putFile: ObjectStore["putFile"] = async (key, path, options) => {
    if (dying?.(key)) throw new Error("the process dies here");
    if (key.includes("/images/")) written.push(key);
    return store.putFile(key, path, options);
  };
  const told = new Proxy(store, {
    get: (target, name) => {
      const value: unknown = name === "putFile" ? putFile : Reflect.get(target, name);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
  const trainer: TrainerServices = { ...bench.trainer, store: told };
  return { trainer, written };
}

async function contentOf(scope: ProjectScope) {
  const { db } = bench.services;
  const rows = await db
    .select({ sha256: images.sha256, counts: annotations.counts, label: annotations.label })
    .from(images)
    .innerJoin(annotations, eq(annotations.imageId, images.id))
    .where(eq(images.projectId, scope.projectId));
  return rows.map(({ sha256, counts, label }) => `${sha256} ${counts} ${label}`).sort();
}

const reportOf = async (scope: ProjectScope, id: string): Promise<string[]> =>
  (await bench.services.store.get(keys.importReport(scope.projectId, id)))
    .toString("utf8")
    .split("\n")
    .sort();

describe("an import that was interrupted", () => {
  it("goes on after its last part: what was stored is not read again, and nothing is doubled", async () => {
    const { db, store } = bench.services;
    const tar = await zips.tar(await grid(), { gzip: true });
    const plain = await newProject(db);
    const whole = await upload(plain, tar);
    expect(await runImport(bench.trainer, whole, never)).toHaveLength(7);

    const scope = await newProject(db);
    const id = await upload(scope, tar);
    // With the first part complete, and the second before its end.
    const first = watched((key) => key.endsWith("parts/0000001.jsonl"));
    await expect(runImport(first.trainer, id, never)).rejects.toThrow("the process dies here");
    expect(first.written.length).toBeGreaterThanOrEqual(6);
    const stopped = await getImport(db, scope, id);
    expect(stopped).toMatchObject({ status: "queued", imagesTotal: 8 });
    expect(stopped.imagesDone).toBeGreaterThanOrEqual(3);

    const second = watched();
    expect(await runImport(second.trainer, id, never)).toHaveLength(7);
    expect(second.written).toHaveLength(4);
    const [row, straight] = [await getImport(db, scope, id), await getImport(db, plain, whole)];
    const told = { imagesCreated: 7, annotationsCreated: 7 * 400 - 1, imagesDone: 7, imagesTotal: 8 };
    expect(row).toMatchObject({ status: "succeeded", ...told });
    expect([row.summary, row.skipped, row.notes]).toEqual([
      straight.summary,
      straight.skipped,
      straight.notes,
    ]);
    expect(await contentOf(scope)).toEqual(await contentOf(plain));
    expect(await reportOf(scope, id)).toEqual(await reportOf(plain, whole));
    expect(await keysBelow(store, keys.importParts(scope.projectId, id))).toEqual([]);
  });

  it("begins anew where the data are others than its parts say", async () => {
    const { db, store } = bench.services;
    const scope = await newProject(db);
    const id = await upload(scope, await zips.tar(await grid()));
    const first = watched((key) => key.endsWith("parts/0000001.jsonl"));
    await expect(runImport(first.trainer, id, never)).rejects.toThrow("the process dies here");
    const { objectKey } = await getImport(db, scope, id);
    await store.delete(objectKey);
    const other = { "images/a.png": await picture(50), "masks/a.png": await maskPng([1, 1, 5, 5]) };
    await store.put(objectKey, await readFile(await zips.zip(other)));
    expect(await runImport(bench.trainer, id, never)).toHaveLength(1);
    expect(await getImport(db, scope, id)).toMatchObject({ imagesCreated: 1, annotationsCreated: 1 });
  });

  it("tells what its first attempt left out once, though it fails after its end", async () => {
    const { db } = bench.services;
    const scope = await newProject(db);
    const other = { "images/a.png": await picture(60), "images/b.png": await picture(61) };
    const masks = { "masks/a.png": await maskPng([1, 1, 5, 5]), "masks/b.png": await maskPng([1, 1, 5, 5]) };
    await runImport(bench.trainer, await upload(scope, await zips.zip({ ...other, ...masks })), never);
    const id = await upload(scope, await zips.tar(await grid()));
    const first = watched((key) => key.endsWith("parts/0000001.jsonl"));
    await expect(runImport(first.trainer, id, never)).rejects.toThrow("the process dies here");
    expect(await runImport({ ...bench.trainer, maxImagesPerProject: 8 }, id, never)).toEqual([]);
    expect(await getImport(db, scope, id)).toMatchObject({ error: { code: "too_many_images" } });
    const lines = (await reportOf(scope, id)).filter((line) => line !== "");
    expect(lines.map((line) => (JSON.parse(line) as { code: string }).code)).toEqual([
      "image_unreadable",
      "object_empty",
    ]);
  });

  it("that is given up leaves no part behind", async () => {
    const { db } = bench.services;
    const scope = await newProject(db);
    const id = await upload(scope, await zips.tar(await grid()));
    const dying = watched((key) => key.endsWith("parts/0000002.jsonl"));
    await expect(runImport(dying.trainer, id, never)).rejects.toThrow("the process dies here");
    expect(await keysBelow(bench.services.store, keys.importParts(scope.projectId, id))).toHaveLength(2);
    await giveUpImport(bench.trainer, id, 3);
    expect(await keysBelow(bench.services.store, keys.projectPrefix(scope.projectId))).toEqual([]);
  });
});
