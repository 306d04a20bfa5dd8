import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { faultOf, readApart } from "../../src/datasets/read-apart.ts";
import { ChildStopped } from "../../src/lib/child/limits.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { type Files, picture, readAll, useZips } from "./zips.ts";

const zips = useZips();
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "maskwright-apart-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

const open = (path: string) =>
  readApart({ path, folder, limits: {}, choices: {}, maxPixels: 1_000_000, reportPath: null });

/** Two images, the first with more objects than one message carries; its annotations stand before its images. */
async function coco(): Promise<Files> {
  const annotations = Array.from({ length: 1203 }, (_, i) => {
    const [x, y] = [i % 40, Math.floor(i / 40)];
    return { image_id: 1, category_id: 3, segmentation: [[x, y, x + 2, y, x + 2, y + 1, x, y + 1]] };
  });
  const last = { id: "z", image_id: "two", segmentation: [[1, 1, 5, 1, 5, 4, 1, 4]], bbox: [1, 1, 4, 3] };
  return {
    "a.png": await picture(1, 48, 48),
    "b.png": await picture(2, 48, 48),
    "annotations.json": {
      info: { annotations: [[], [[]]] },
      annotations: [...annotations, last],
      images: [
        { id: "two", file_name: "b.png" },
        { id: 1, file_name: "a.png" },
      ],
      categories: [{ id: 3, name: "tile" }],
    },
  };
}

describe("a data set that a child process reads", () => {
  it("is the one that is read here, its images in files and its annotations in parts", async () => {
    const path = await zips.zip(await coco());
    const { dataset, items } = await readAll(path);
    const apart = await open(path);
    expect(apart).toMatchObject({
      layout: dataset.layout,
      images: 2,
      annotations: 1204,
      skipped: dataset.skipped,
    });
    for (const time of ["first", "second"]) {
      const parts: (string | number)[][] = [];
      const annotations: unknown[] = [];
      for await (const part of apart.items()) {
        if ("walk" in part) continue;
        parts.push([part.fileName, part.annotations.length]);
        annotations.push(...part.annotations);
        if (part.path === null) continue;
        expect(sha256(await readFile(part.path))).toBe(part.sha256);
        await rm(part.path);
      }
      expect(parts, time).toEqual([
        ["a.png", 500],
        ["a.png", 500],
        ["a.png", 203],
        ["b.png", 1],
      ]);
      expect(annotations).toEqual(items.flatMap((item) => item.annotations));
    }
    await apart.close();
    expect(await readdir(folder)).toEqual([]);
  });

  it("is a Parquet file whose pictures are gone from the disk with it", async () => {
    const table = await readFile(join(import.meta.dirname, "fixtures/hf-embedded.parquet"));
    const apart = await open(await zips.raw(table));
    expect(apart).toMatchObject({ layout: "parquet", images: 3, annotations: 2 });
    const found: unknown[] = [];
    for await (const part of apart.items()) {
      if ("walk" in part) continue;
      found.push([part.fileName, part.annotations.length]);
      await rm(part.path ?? "");
    }
    expect(found).toEqual([
      ["data/image/000000.png", 2],
      ["data/image/000001.png", 0],
      ["data/image/000002.png", 1],
    ]);
    await apart.close();
    expect(await readdir(folder)).toEqual([]);
  });

  const lists = (megabytes: number) => Buffer.from(`[${"[],".repeat((megabytes << 20) / 3)}[]]`);
  const shapes = Buffer.concat([
    Buffer.from('{"images":[{"id":1,"file_name":"a.png"}],"annotations":[{"image_id":1,"segmentation":'),
    lists(60),
    Buffer.from("}]}"),
  ]);

  it.each([
    [
      "a list of lists",
      "annotations.json",
      lists(60),
      "import_layout_unknown",
      /annotations\.json was not read/,
    ],
    [
      "an object of lists",
      "annotations.json",
      shapes,
      "import_file_invalid",
      /^annotations\.json: annotations\[0\] has more than 16000000 values and brackets/,
    ],
    ["a list of groups", "groups.json", lists(15), "import_file_invalid", /^groups\.json: must be an object/],
  ])("is refused where %s would fill the memory", async (_, name, json, code, message) => {
    const path = await zips.zip({ "images/a.png": await picture(1), [name]: json });
    const problem = await open(path).catch((error: unknown) => error);
    expect(problem).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(await readdir(folder)).toEqual([]);
  });

  it("names the file whose reading ended it", () => {
    const stopped = (file: string | null) => new ChildStopped("memory", "reading it takes too much", file);
    expect(faultOf(stopped("labels/a.txt"))).toMatchObject({
      code: "import_file_invalid",
      message: "labels/a.txt: reading it takes too much",
      param: "labels/a.txt",
    });
    expect(faultOf(stopped(null))).toMatchObject({ code: "import_zip_invalid" });
    const other = new Error("another");
    expect(faultOf(other)).toBe(other);
  });
});
