import { readFile } from "node:fs/promises";
import { eq } from "../../../src/db/drizzle.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { getImport, insertImport } from "../../../src/db/queries/imports.ts";
import type { ProjectScope } from "../../../src/db/queries/scope.ts";
import { annotations, images } from "../../../src/db/schema/index.ts";
import { newId } from "../../../src/lib/ids.ts";
import { keys } from "../../../src/storage/keys.ts";
import { runImport } from "../../../src/jobs/import/run.ts";
import { type Files, maskPng, picture, useZips } from "../../datasets/zips.ts";
import { keysBelow } from "../../helpers/objects.ts";
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

/** Five 80 x 64 pictures of three pages, one mask each. */
async function pages(): Promise<Files> {
  const files: Files = { "groups.csv": "stem,group\n0,a\n1,a\n2,b\n3,b\n4,c\n" };
  for (let i = 0; i < 5; i++) {
    files[`images/${i}.png`] = await picture(i, 80, 64);
    files[`masks/${i}.png`] = await maskPng([i, 2, 20 + i, 30], { width: 80, height: 64 });
  }
  return files;
}

async function upload(
  scope: ProjectScope,
  files: Files,
  more: Pick<Parameters<typeof insertImport>[1], "options" | "dryRun"> = {},
): Promise<string> {
  const { db, store } = bench.services;
  const id = newId("imp");
  const bytes = await readFile(await zips.zip(files));
  const objectKey = keys.importZip(scope.projectId, id);
  await store.put(objectKey, bytes);
  await insertImport(db, { ...scope, id, objectKey, bytes: bytes.length, fileName: null, ...more });
  return id;
}

async function rowsOf(scope: ProjectScope) {
  const { db } = bench.services;
  return {
    images: await db.select().from(images).where(eq(images.projectId, scope.projectId)),
    annotations: await db.select().from(annotations).where(eq(annotations.projectId, scope.projectId)),
  };
}

const objectsOf = (scope: ProjectScope): Promise<string[]> =>
  keysBelow(bench.services.store, keys.projectPrefix(scope.projectId));

describe("an import", () => {
  it("that only looks stores nothing but what it would come to", async () => {
    const { db } = bench.services;
    const scope = await newProject(db);
    const id = await upload(scope, await pages(), { dryRun: true });
    expect(await runImport(bench.trainer, id, never)).toEqual([]);
    expect(await getImport(db, scope, id)).toMatchObject({
      status: "succeeded",
      layout: "folders",
      imagesCreated: 0,
      summary: { images: 5, annotations: 5 },
    });
    expect(await rowsOf(scope)).toEqual({ images: [], annotations: [] });
    expect(await objectsOf(scope)).toEqual([keys.importPicture(scope.projectId, id)]);
  });

  it("keeps the data's own parts where there is a test part, or as asked", async () => {
    const { db } = bench.services;
    const parts = async (names: string[], options = {}): Promise<(string | null)[]> => {
      const scope = await newProject(db);
      const files: Files = {};
      for (const [i, name] of names.entries()) {
        files[`${name}/images/${i}.png`] = await picture(i, 80, 64);
        files[`${name}/masks/${i}.png`] = await maskPng([i, 2, 20 + i, 30], { width: 80, height: 64 });
      }
      await runImport(bench.trainer, await upload(scope, files, { options }), never);
      return (await rowsOf(scope)).images
        .toSorted((a, b) => ((a.fileName ?? "") < (b.fileName ?? "") ? -1 : 1))
        .map(({ part }) => part);
    };
    expect(await parts(["test", "train", "valid"])).toEqual(["test", "train", "val"]);
    expect(await parts(["train", "valid"])).toEqual([null, null]);
    expect(await parts(["train", "valid"], { respectSplits: true })).toEqual(["train", "val"]);
    expect(await parts(["test", "train"], { respectSplits: false })).toEqual([null, null]);
  });
});
