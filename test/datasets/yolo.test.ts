import { expect, it } from "vitest";
import { encodeRle } from "../../src/imaging/rle.ts";
import { type Files, maskPng, picture, problemOf, readAll, toldBy, useZips } from "./zips.ts";

const zips = useZips();
const image = await picture(1);

const names = "path: ../somewhere\ntrain: images\nnc: 2\nnames:\n  0: seal\n  1: round stamp # wet ink\n";
/** Pixels [3, 9) x [2, 6) of 12 x 8. */
const square = "0.25 0.25 0.75 0.25 0.75 0.75 0.25 0.75";
const squareCounts = (): string => {
  const data = new Uint8Array(96);
  for (let y = 2; y < 6; y++) data.fill(1, y * 12 + 3, y * 12 + 9);
  return encodeRle({ width: 12, height: 8, data }).counts;
};

it("reads polygons in shares of the image, with the names of data.yaml", async () => {
  const { dataset, items } = await readAll(
    await zips.zip({
      "data.yaml": names,
      "images/a.png": image,
      "images/empty.png": await picture(2),
      "images/none.png": await picture(3),
      "labels/a.txt": `1 ${square}\r\n\r\n0 0 0 .5 0 0.5 1e0 0 1.004\n`,
      "labels/empty.txt": "",
      "README.txt": "exported by hand",
    }),
  );
  expect(dataset).toMatchObject({ layout: "yolo", images: 3, annotations: 2, skipped: [] });
  expect(items.map((item) => [item.fileName, item.annotations.length])).toEqual([
    ["images/a.png", 2],
    ["images/empty.png", 0],
    ["images/none.png", 0],
  ]);
  expect(items[0]?.annotations[0]).toEqual({
    counts: squareCounts(),
    area: 24,
    box: [3, 2, 9, 6],
    label: "round stamp",
    file: "labels/a.txt: line 1",
  });
  expect(items[0]?.annotations[1]).toMatchObject({ box: [0, 0, 6, 8], area: 48, label: "seal" });
});

it("finds labels and names where tools put them", async () => {
  const places: Files[] = [
    { "data.yaml": "names: [seal, stamp]", "images/train/a.png": image, "labels/train/a.txt": `1 ${square}` },
    {
      "ds/data.yml": "names: [seal, stamp]",
      "ds/train/images/a.png": image,
      "ds/train/labels/a.txt": `1 ${square}`,
    },
    {
      "seals.yaml": "names: {1: stamp}",
      "other.yaml": "x: 1",
      "images/a.png": image,
      "labels/a.txt": `1 ${square}`,
    },
    {
      "classes.txt": "seal\nstamp\n",
      "notes.json": { categories: [] },
      "images/a.png": image,
      "labels/a.txt": `1 ${square}`,
    },
    {
      "labels/classes.txt": "seal\nstamp",
      "images/x/images/a.png": image,
      "images/x/labels/a.txt": `1 ${square}`,
    },
  ];
  for (const files of places) {
    const { dataset, items } = await readAll(await zips.zip(files));
    expect(dataset.layout).toBe("yolo");
    expect(items).toHaveLength(1);
    expect(items[0]?.annotations).toMatchObject([{ label: "stamp", area: 24 }]);
  }
});

it("passes over boxes and counts them, unless there is nothing else", async () => {
  const files = (labels: string): Files => ({
    "data.yaml": names,
    "images/a.png": image,
    "labels/a.txt": labels,
  });
  const { dataset, items } = await readAll(await zips.zip(files(`0 0.5 0.5 0.2 0.2\n0 ${square}\n`)));
  expect(toldBy(dataset).skipped).toEqual({ box_only: 1 });
  expect(items[0]?.annotations).toMatchObject([{ file: "labels/a.txt: line 2" }]);
  expect(await problemOf(await zips.zip(files("0 0.5 0.5 0.2 0.2\n")))).toMatchObject({
    code: "import_layout_unknown",
    message: expect.stringContaining("1 x a box outlines no object"),
  });
});

it("leaves out what is at fault, with file and line, and takes the rest", async () => {
  const line = (text: string): Files => ({ "labels/a.txt": `1 ${square}\n${text}` });
  const cases: [Files, string, number, RegExp | undefined][] = [
    [line(`seal ${square}`), "object_invalid", 2, /seal is no class number/],
    [line(`0 0.1 0.1 24 0.1 0.5 0.5`), "object_invalid", 2, /24 is no share of the image's side, 0 to 1/],
    [line(`0 0.1 nan 0.4 0.1 0.5 0.5`), "object_invalid", 2, /nan is no number/],
    [line(`0 0.1 0.1`), "object_invalid", 2, /2 numbers behind the class/],
    [line(`0 0.1 0.1 0.1 0.1 0.1 0.1`), "object_empty", 2, /no area/],
    [line(`0 0.1 0.1 0.5 0.5`), "box_only", 2, undefined],
    [
      { ...line(""), "labels/b.txt": `0 ${square}\n0 ${square}` },
      "image_missing",
      0,
      /no image of this name/,
    ],
  ];
  for (const [files, code, at, detail] of cases) {
    const { dataset, items, report } = await readAll(
      await zips.zip({ "data.yaml": names, "images/a.png": image, ...files }),
    );
    expect(items[0]?.annotations).toHaveLength(1);
    expect(Object.keys(toldBy(dataset).skipped)).toEqual([code]);
    expect(report).toMatchObject([
      {
        code,
        ...(at > 0 && { file: "labels/a.txt", line: at }),
        ...(detail && { detail: expect.stringMatching(detail) }),
      },
    ]);
  }
});

it("cuts corners that were drawn over the edge, and takes a confidence behind an outline", async () => {
  const { items } = await readAll(
    await zips.zip({
      "data.yaml": names,
      "images/a.png": image,
      "labels/a.txt": "0 -0.04 0 .5 0 0.5 1.04 0 1.0003\n1 0 0 1 0 1 1 0 1 0.93\n",
    }),
  );
  expect(items[0]?.annotations.map(({ box }) => box)).toEqual([
    [0, 0, 6, 8],
    [0, 0, 12, 8],
  ]);
});

it("calls classes by their numbers where nothing names them, reads empty files as nothing, and keeps parts", async () => {
  const { dataset, items } = await readAll(
    await zips.zip({
      "set/images/train/a.png": image,
      "set/labels/train/a.txt": `1 ${square}`,
      "set/images/val/b.png": await picture(2),
      "set/labels/val/b.txt": "",
      "extra/c.png": await picture(3),
    }),
  );
  expect(toldBy(dataset)).toEqual({ skipped: {}, notes: ["classes_by_number"] });
  expect(items.map((item) => [item.annotations[0]?.label, item.split, item.background])).toEqual([
    [undefined, null, false],
    ["1", "train", false],
    [undefined, "val", true],
  ]);
});

it("reads label files beside the images", async () => {
  const { dataset, items } = await readAll(
    await zips.zip({
      "a.png": image,
      "a.txt": `1 ${square}`,
      "classes.txt": "seal\nstamp\n",
      "README.txt": "1 2 3",
      "train.txt": "a.png",
    }),
  );
  expect(items[0]?.annotations).toMatchObject([{ label: "stamp", area: 24 }]);
  expect(toldBy(dataset)).toEqual({ skipped: {}, notes: [] });
});

it("tells of a list of names that can't be read", async () => {
  const cases: [string, RegExp][] = [
    ["nc: 2\nnames:\n  0: seal\n  one: stamp\n", /one is no class number/],
    ["nc: 1\n\nnames: seal\n", /names must be a list/],
    ["nc: 1\nnames: [seal\nx: {", /line \d: /],
  ];
  for (const [yaml, detail] of cases) {
    const { items, report } = await readAll(
      await zips.zip({ "data.yaml": yaml, "images/a.png": image, "labels/a.txt": `0 ${square}` }),
    );
    expect(items[0]?.annotations).toMatchObject([{ label: "0" }]);
    expect(report).toMatchObject([{ file: "data.yaml", detail: expect.stringMatching(detail) }]);
  }
});

it("reads labels in a folder of any name, as supervision 0.27 writes them without a YAML", async () => {
  const { dataset, items } = await readAll(
    await zips.zip({
      "images/a.png": image,
      "images/empty.png": await picture(2),
      "annotations/a.txt": `1 ${square}`,
      "annotations/empty.txt": "",
    }),
  );
  expect(dataset).toMatchObject({ layout: "yolo", images: 2, annotations: 1, skipped: [] });
  expect(items.map(({ background, annotations }) => [background, annotations.length])).toEqual([
    [false, 1],
    [true, 0],
  ]);
});

it("tells text of an image's name that it can't read, and takes no table in pixels for labels", async () => {
  const { items, dataset } = await readAll(
    await zips.zip({
      "images/a.png": image,
      "masks/a.png": await maskPng([3, 2, 9, 6]),
      "captions/a.txt": "a seal on a page",
      "points/a.txt": "1 12 30 44 30 44 61",
      "empty/a.txt": "",
      "notes/list.txt": "of the whole",
    }),
  );
  expect(items[0]?.annotations).toHaveLength(1);
  expect(dataset.skipped).toEqual([expect.objectContaining({ code: "unread", count: 3 })]);
});
