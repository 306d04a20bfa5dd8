import { readdir, symlink } from "node:fs/promises";
import { dirname } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startFolderImport } from "../../../src/actions/start-folder-import.ts";
import { getImport } from "../../../src/db/queries/imports.ts";
import type { ProjectScope } from "../../../src/db/queries/scope.ts";
import { keys } from "../../../src/storage/keys.ts";
import { runImport } from "../../../src/jobs/import/run.ts";
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

  it("of a folder of the server reads it where it lies, and leaves it there", async () => {
    const { services, config } = bench;
    const scope = await newProject(services.db);
    const folder = await zips.folder(await pages());
    const before = await readdir(folder, { recursive: true });
    const given = { db: services.db, config: { ...config, IMPORT_FOLDERS: [dirname(folder)] } };
    const asked = { options: {}, dryRun: false };
    const { id } = await startFolderImport(given, scope, folder, asked);
    expect(await runImport(bench.trainer, id, never)).toHaveLength(5);
    const { images, annotations } = await rowsOf(scope);
    expect([images.length, annotations.length]).toEqual([5, 5]);
    expect(images.map(({ fileName }) => fileName)).toContain("images/0.png");
    expect(await readdir(folder, { recursive: true })).toEqual(before);

    await symlink(folder, `${folder}-link`);
    const link = await startFolderImport(given, scope, `${folder}-link`, asked);
    await runImport(bench.trainer, link.id, never);
    expect(await getImport(services.db, scope, link.id)).toMatchObject({
      status: "failed",
      error: { code: "import_zip_invalid", message: expect.stringContaining("link") },
    });
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
