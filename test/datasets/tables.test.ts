import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { defaultLimits } from "../../src/datasets/limits.ts";
import { decodeRle } from "../../src/imaging/rle.ts";
import { AppError } from "../../src/lib/errors.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { maskPng, open, picture, problemOf, readAll, toldBy, useZips } from "./zips.ts";

const zips = useZips();
// Made by peers/reference/hugging_face_data.py.
const fixture = (name: string): Promise<Buffer> => readFile(join(import.meta.dirname, "fixtures", name));

/** What each image holds: its name, and label and box of each object. */
const objectsOf = ({ items }: Awaited<ReturnType<typeof readAll>>) =>
  items.map(({ fileName, facts, annotations }) => [
    fileName,
    ...annotations.map(({ label, box, counts, area }) => {
      const { data } = decodeRle({ format: "rle", size: [facts.height, facts.width], counts });
      expect(data.reduce((a, b) => a + b, 0)).toBe(area);
      return `${label} ${box.join(" ")}`;
    }),
  ]);

const embedded = [
  ["data/image/000000.png", "null 1 1 4 5", "null 6 2 11 7"],
  ["data/image/000001.png"],
  ["data/image/000002.png", "null 0 0 5 5"],
];

describe("Parquet with columns of pictures", () => {
  it("comes in by itself, its label images of 16 bits as objects; a row without one is not looked at", async () => {
    const read = await readAll(await zips.raw(await fixture("hf-embedded.parquet")));
    expect(objectsOf(read)).toEqual(embedded);
    expect(read.dataset.layout).toBe("parquet");
    expect(read.items.map(({ background }) => background)).toEqual([false, false, false]);
    expect(read.dataset.notes).toContainEqual(
      expect.objectContaining({
        code: "columns_unread",
        message: "columns that hold no pictures are not read: kind, text",
      }),
    );
    expect(read.report).toEqual([]);
  });

  it("comes in from a zip, a TAR and a folder; shards are one data set with its parts", async () => {
    const shard = await fixture("hf-embedded.parquet");
    const other = await fixture("lists.parquet");
    const files = { "README.md": "", "data/train-0.parquet": shard, "data/test-0.parquet": other };
    for (const path of [await zips.zip(files), await zips.tar(files), await zips.folder(files)]) {
      const read = await readAll(path);
      expect(objectsOf(read)).toEqual([
        ["data/test-0/pixel_values/000000.png", "null 0 0 3 3", "null 5 1 9 8"],
        ["data/test-0/pixel_values/000001.png", "null 0 0 3 3"],
        ["data/test-0/pixel_values/000002.png"],
        ...embedded.map(([name, ...objects]) => [name?.replace("data/", "data/train-0/"), ...objects]),
      ]);
      expect(read.items.map(({ split }) => split)).toEqual([
        ...Array.from({ length: 3 }, () => "test"),
        ...Array.from({ length: 3 }, () => "train"),
      ]);
      expect(read.report).toEqual([]);
    }
  });

  it("names column and row of a picture of which it holds only the path, and takes the file where it came along", async () => {
    const paths = await fixture("hf-paths.parquet");
    expect(await problemOf(await zips.raw(paths))).toMatchObject({
      code: "import_layout_unknown",
      message:
        "the file has no image that is read; data.parquet: column image, row 0 holds only the path /tmp/maskwright-fixtures/image/one.png and no such file came along; embed the pictures, or send them with the table (docs/imports.md)",
    });
    const read = await readAll(
      await zips.zip({
        "set.parquet": paths,
        "image/one.png": await picture(1),
        "mask/one.png": await maskPng([2, 2, 6, 6]),
        "image/two.png": await picture(2),
      }),
    );
    expect(objectsOf(read)).toEqual([["image/one.png", "null 2 2 6 6"], ["image/two.png"]]);
    expect(read.report).toMatchObject(
      [
        {
          code: "mask_unreadable",
          file: "set.parquet",
          id: "column mask, row 1",
          detail: "names the image itself",
        },
      ].map(asMatch),
    );
  });

  it("takes bytes before a name beside them, which is told as text", async () => {
    const read = await readAll(await zips.raw(await fixture("file-names.parquet")));
    expect(objectsOf(read)).toEqual([
      ["data/image/000000.png", "null 2 2 6 6"],
      ["data/image/000001.png", "null 2 2 6 6"],
    ]);
    expect(read.dataset.notes.map(({ message }) => message)).toEqual([
      "columns that hold no pictures are not read: file_name",
    ]);
    expect(read.report).toEqual([]);
  });

  it("is refused where it is broken, names what is not there, or is larger than allowed", async () => {
    const whole = await fixture("hf-embedded.parquet");
    const cut = await zips.zip({ "a.parquet": whole.subarray(0, 4000) });
    expect(await problemOf(cut)).toMatchObject({
      code: "import_file_invalid",
      param: "a.parquet",
      message: /^a\.parquet: can't be read as Parquet/,
    });
    // The end says where everything lies.
    const without = await zips.raw(Buffer.concat([whole.subarray(0, 4), whole.subarray(3400)]));
    expect((await problemOf(without)).code).toBe("import_file_invalid");
    // The row group's number of rows is the last 3 of 64 bits, zigzag 6, in the footer.
    const lying = Buffer.from(whole);
    lying[lying.lastIndexOf(Buffer.from([0x16, 6])) + 1] = 0x7e;
    expect((await problemOf(await zips.raw(lying))).message).toBe(
      "data.parquet: can't be read as Parquet: it has 3 rows, and its row groups 63",
    );
    for (const limits of [{ maxEntries: 2 }, { maxEntryBytes: 300 }, { maxTotalBytes: 1500 }])
      expect(
        await problemOf(await zips.raw(whole), { limits: { ...defaultLimits, ...limits } }),
      ).toMatchObject({
        code: "import_too_large",
      });
  });
});
const asMatch = (entry: Record<string, unknown>): object =>
  Object.fromEntries(
    Object.entries(entry).map(([key, value]) => [
      key,
      value instanceof RegExp ? (expect.stringMatching(value) as unknown) : value,
    ]),
  );

it("is refused as its file's fault, or read, whatever bytes of a table are changed", async () => {
  const random = seededRandom(4);
  const whole = await fixture("hf-embedded.parquet");
  const codes = new Set<string>();
  for (let i = 0; i < 120; i++) {
    const bytes = Buffer.from(whole);
    // Most of what is read first stands at the end.
    for (let k = 0; k <= random.below(4); k++)
      bytes[bytes.length - 1 - random.below(k === 0 ? 3000 : bytes.length)] = random.below(256);
    const dataset = await open(await zips.raw(bytes)).catch((error: unknown) => {
      if (!(error instanceof AppError)) throw error;
      codes.add(error.code);
    });
    await dataset?.close();
  }
  expect(codes).toContain("import_file_invalid");
});

describe("an imagefolder with metadata", () => {
  const pictures = async () => ({
    "train/a.png": await picture(1),
    "train/b.png": await picture(2),
    "train/m/1.png": await maskPng([1, 1, 5, 5]),
    "train/m/2.png": await maskPng([3, 2, 9, 7]),
  });
  const rows = [
    { file_name: "a.png", mask_file_name: "m/2.png", text: "a stamp" },
    { file_name: "./b.png", mask_file_name: "m/1.png" },
  ];
  const jsonl = rows.map((row) => JSON.stringify(row)).join("\n");

  it.each(["metadata.jsonl", "metadata.csv"])("pairs what a row of %s names", async (name) => {
    const csv = "file_name,mask_file_name,text\na.png,m/2.png,a stamp\n./b.png,m/1.png,\n";
    const read = await readAll(
      await zips.zip({ ...(await pictures()), [`train/${name}`]: name.endsWith("csv") ? csv : jsonl }),
    );
    expect(objectsOf(read)).toEqual([
      ["a.png", "null 3 2 9 7"],
      ["b.png", "null 1 1 5 5"],
    ]);
    expect(read.dataset.layout).toBe("imagefolder");
    expect(toldBy(read.dataset)).toEqual({ skipped: {}, notes: ["columns_unread"] });
  });

  it("names the row whose file is not there, and the line that is no JSON", async () => {
    const { "train/m/1.png": _, ...files } = await pictures();
    const read = await readAll(
      await zips.zip({ ...files, "train/metadata.jsonl": `${jsonl}\n{"file_name":` }),
    );
    expect(objectsOf(read)).toEqual([["a.png", "null 3 2 9 7"], ["b.png"]]);
    expect(read.report).toMatchObject([
      { code: "entry_invalid", file: "metadata.jsonl", line: 3 },
      {
        code: "mask_unreadable",
        id: "column mask, row 1",
        detail: "names the file m/1.png, which is not there",
      },
    ]);
  });

  it("names the row that holds a number where a file's name is wanted", async () => {
    const [first = ""] = jsonl.split("\n");
    const read = await readAll(
      await zips.zip({
        ...(await pictures()),
        "train/metadata.jsonl": `${first}\n{"file_name":7,"mask":null}`,
      }),
    );
    expect(read.report).toMatchObject([
      { code: "image_missing", detail: "holds 7, which is no file's name" },
    ]);
  });

  it("names classes by id2label.json, and takes 255 beside them for void", async () => {
    const read = await readAll(
      await zips.zip({
        ...(await pictures()),
        "train/m/1.png": await maskPng([1, 1, 5, 5], { grey: [10, 6, 3] }),
        "train/metadata.jsonl": jsonl,
        "id2label.json": { 0: "background", 3: "ink" },
      }),
    );
    expect(objectsOf(read)[1]).toEqual(["train/b.png", "ink 10 6 11 7"]);
    expect(toldBy(read.dataset).notes).toContain("void");
  });
});
