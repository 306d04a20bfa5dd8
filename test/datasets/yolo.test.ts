import { expect, it } from "vitest";
import { encodeRle } from "../../src/imaging/rle.ts";
import { type Files, picture, problemOf, readAll, useZips } from "./zips.ts";

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
  expect(dataset).toMatchObject({ layout: "yolo", images: 3, annotations: 2, skipped: { boxes: 0 } });
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
  expect(dataset.skipped).toMatchObject({ boxes: 1 });
  expect(items[0]?.annotations).toMatchObject([{ file: "labels/a.txt: line 2" }]);
  expect(await problemOf(await zips.zip(files("0 0.5 0.5 0.2 0.2\n")))).toMatchObject({
    code: "import_layout_unknown",
    message: expect.stringContaining("1 boxes or other shapes and not one mask"),
  });
});

it("names the file, the line and the reason", async () => {
  const bad = (files: Files): Files => ({
    "data.yaml": names,
    "images/a.png": image,
    "labels/a.txt": "",
    ...files,
  });
  const line = (text: string): Files => bad({ "labels/a.txt": `1 ${square}\n${text}` });
  const cases: [Files, RegExp][] = [
    [line(`2 ${square}`), /^labels\/a\.txt: line 2: data\.yaml has no class 2/],
    [line(`seal ${square}`), /line 2: data\.yaml has no class seal/],
    [line(`0 0.1 0.1 24 0.1 0.5 0.5`), /line 2: 24 is no share of the image's side, 0 to 1/],
    [line(`0 0.1 nan 0.4 0.1 0.5 0.5`), /line 2: nan is no share/],
    [line(`0 0.1 0.1 0.5 0.5 0.6 0.1 0.7`), /line 2: has 7 numbers behind the class/],
    [line(`0 0.1 0.1`), /line 2: has 2 numbers behind the class/],
    [line(`0 0.1 0.1 0.1 0.1 0.1 0.1`), /line 2: the mask has no foreground pixel/],
    [bad({ "labels/b.txt": "" }), /^labels\/b\.txt: there is no image of this name below images\//],
    [
      bad({ "images/a.jpg": image }),
      /^images\/a\.png: has the same labels, labels\/a\.txt, as images\/a\.jpg/,
    ],
    [
      bad({ "data.yaml": "nc: 2\nnames:\n  0: seal\n  one: stamp\n" }),
      /^data\.yaml: line 4: names: one is no class number/,
    ],
    [bad({ "data.yaml": "nc: 2\nnames:\n  - seal\n  - [a, b]\n" }), /^data\.yaml: line 4: /],
    [bad({ "data.yaml": "nc: 1\n\nnames: seal\n" }), /^data\.yaml: line 3: names must be a list/],
    [bad({ "data.yaml": "nc: 1\nnames: [seal\nx: {" }), /^data\.yaml: line \d: /],
  ];
  for (const [files, message] of cases) {
    const found = await problemOf(await zips.zip(files));
    expect(found.message).toMatch(message);
    expect(found.code).toBe("import_file_invalid");
  }
});

it("wants names, and one layout at a time", async () => {
  const base: Files = { "images/a.png": image, "labels/a.txt": `0 ${square}` };
  const cases: [Files, RegExp][] = [
    [base, /does not name their classes/],
    [{ ...base, "data.yaml": "nc: 1" }, /does not name their classes/],
    [{ ...base, "a.yaml": "names: [a]", "b.yaml": "names: [b]" }, /both a\.yaml and b\.yaml/],
    [
      { ...base, "data.yaml": names, "masks/a.png": image },
      /both YOLO labels, labels\/a\.txt, and masks, masks\/a\.png/,
    ],
  ];
  for (const [files, message] of cases)
    expect(await problemOf(await zips.zip(files))).toMatchObject({
      code: "import_layout_unknown",
      message: expect.stringMatching(message),
    });
});

it("holds all label files together against the limit", async () => {
  const zip = await zips.zip({ "data.yaml": names, "images/a.png": image, "labels/a.txt": `0 ${square}` });
  expect(await problemOf(zip, { limits: { maxTextBytes: 20 } })).toMatchObject({ code: "import_too_large" });
});
