import { expect, it } from "vitest";
import { decodeRle } from "../../src/imaging/rle.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { type Files, maskPng, open, picture, problemOf, readAll, useZips } from "./zips.ts";

const zips = useZips();

const problem = async (files: Files) => problemOf(await zips.zip(files));

it("reads images and masks of the same stem, and images without a mask", async () => {
  const a = await picture(1);
  const { dataset, items } = await readAll(
    await zips.zip({
      "images/b.png": await picture(2),
      "images/a.png": a,
      "masks/a.png": await maskPng([2, 1, 5, 7]),
    }),
  );
  expect(dataset).toMatchObject({
    layout: "folders",
    images: 2,
    annotations: 1,
    skipped: { crowds: 0, unions: 0, boxes: 0, shapes: 0 },
  });
  expect(items.map((item) => item.fileName)).toEqual(["images/a.png", "images/b.png"]);
  expect(items[0]).toMatchObject({
    bytes: a,
    sha256: sha256(a),
    facts: { width: 12, height: 8, format: "png" },
    splitGroup: null,
  });
  expect(items[0]?.annotations).toMatchObject([
    { box: [2, 1, 5, 7], area: 18, label: null, file: "masks/a.png" },
  ]);
  const mask = decodeRle({ format: "rle", size: [8, 12], counts: items[0]?.annotations[0]?.counts ?? "" });
  expect([...mask.data.subarray(12, 24)]).toEqual([0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]);
  expect(items[1]?.annotations).toEqual([]);
});

it("takes instances in the order of their numbers, and then passes over the union", async () => {
  const { dataset, items } = await readAll(
    await zips.zip({
      "images/a.png": await picture(1),
      "masks/a.png": await maskPng([0, 0, 12, 8]),
      "masks/a__10.png": await maskPng([6, 0, 8, 2]),
      "masks/a__2.png": await maskPng([0, 0, 2, 2]),
    }),
  );
  expect(dataset.skipped.unions).toBe(1);
  expect(items[0]?.annotations.map((one) => [one.file, one.area])).toEqual([
    ["masks/a__2.png", 4],
    ["masks/a__10.png", 4],
  ]);
});

it("gives a mask to the image of its whole stem before it takes __<k> for an instance", async () => {
  const { items } = await readAll(
    await zips.zip({
      "images/a.png": await picture(1),
      "images/a__1.png": await picture(2),
      "masks/a__1.png": await maskPng([0, 0, 1, 1]),
    }),
  );
  expect(items.map((item) => item.annotations.length)).toEqual([0, 1]);
});

it("tolerates a common top folder, folders below, notes, and what file managers leave", async () => {
  const { items } = await readAll(
    await zips.zip({
      "my data/set/images/sub/a.jpg.png": await picture(1),
      "my data/set/masks/sub/a.jpg.png": await maskPng([0, 0, 1, 1]),
      "my data/set/images/notes.txt": "hello",
      "my data/set/README.md": "hello",
      "my data/set/images/Thumbs.db": "x",
      "my data/.DS_Store": "x",
      "__MACOSX/my data/set/images/sub/._a.jpg.png": "x",
    }),
  );
  expect(items.map((item) => [item.fileName, item.annotations.length])).toEqual([
    ["images/sub/a.jpg.png", 1],
  ]);
});

it("matches names across Unicode's composed and decomposed forms", async () => {
  const { items } = await readAll(
    await zips.zip({
      "images/e\u0301.png": await picture(1),
      "masks/\u00e9.png": await maskPng([0, 0, 1, 1]),
    }),
  );
  expect(items[0]?.annotations).toHaveLength(1);
});

it("makes one image of the same bytes under two names, with the masks of both", async () => {
  const a = await picture(1);
  const { dataset, items } = await readAll(
    await zips.zip({
      "images/a.png": a,
      "images/b.png": a,
      "images/c.png": await picture(3),
      "masks/a.png": await maskPng([0, 0, 1, 1]),
      "masks/b__1.png": await maskPng([0, 0, 1, 1]),
      "masks/b__2.png": await maskPng([3, 3, 5, 5]),
    }),
  );
  expect(dataset).toMatchObject({ images: 2, annotations: 3 });
  expect(items[0]).toMatchObject({ fileName: "images/a.png", alsoNamed: ["images/b.png"] });
  expect(items[0]?.annotations.map((one) => one.file)).toEqual(["masks/a.png", "masks/b__2.png"]);
});

it("can be walked twice: once to check, once to store", async () => {
  const path = await zips.zip({
    "images/a.png": await picture(1),
    "masks/a.png": await maskPng([0, 0, 1, 1]),
  });
  const dataset = await open(path);
  const names: string[] = [];
  for (let pass = 0; pass < 2; pass++) for await (const item of dataset.items()) names.push(item.sha256);
  await dataset.close();
  expect(names).toHaveLength(2);
  expect(names[0]).toBe(names[1]);
});

it("names the file and the reason when pixels or pairing are wrong", async () => {
  const image = await picture(1);
  const ok = await maskPng([0, 0, 1, 1]);
  const cases: [Files, RegExp][] = [
    [
      { "images/a.png": image, "masks/a.png": await maskPng([0, 0, 1, 1], { grey: [3, 5, 137] }) },
      /^masks\/a\.png: pixel \(3, 5\) is \[137/,
    ],
    [
      { "images/a.png": image, "masks/a.png": await maskPng([0, 0, 1, 1], { width: 9 }) },
      /^masks\/a\.png: .*9 x 8.*12 x 8/,
    ],
    [
      { "images/a.png": image, "masks/a.png": await maskPng([0, 0, 0, 0]) },
      /^masks\/a\.png: .*no foreground/,
    ],
    [{ "images/a.png": image, "masks/a.png": ok.subarray(0, ok.length - 20) }, /^masks\/a\.png: /],
    [{ "images/a.png": image, "masks/a.jpg": ok }, /^masks\/a\.jpg: .*PNG/],
    [{ "images/a.png": image, "masks/b.png": ok }, /^masks\/b\.png: there is no image images\/b\.\*/],
    [{ "images/a.png": image, "masks/b__1.png": ok }, /^masks\/b__1\.png: there is no image images\/b\.\*/],
    [
      { "images/a.png": image, "images/a.jpg": image },
      /^images\/a\.png: has the same stem as images\/a\.jpg/,
    ],
    [{ "images/a.png": "not an image", "masks/a.png": ok }, /^images\/a\.png: the image can't be read/],
    [{ "images/a.bmp": image, "masks/a.png": ok }, /^images\/a\.bmp: .*JPEG/],
  ];
  for (const [files, message] of cases) {
    const found = await problem(files);
    expect(found.message).toMatch(message);
    expect(found.code).toBe("import_file_invalid");
    expect(found.message.startsWith(`${found.param}: `)).toBe(true);
  }
});

it("says what it looked for when there is no layout", async () => {
  const image = await picture(1);
  const cases: [Files, RegExp][] = [
    [{ "a.png": image, "b.png": image }, /neither a COCO file .* it begins with a\.png, b\.png/],
    [{}, /it is empty/],
    [{ "images/a.txt": "x" }, /no image/],
    [{ "images/a.png": image, "labels.json": { boxes: [] } }, /labels\.json is not COCO/],
  ];
  for (const [files, message] of cases) {
    const found = await problem(files);
    expect(found.message).toMatch(message);
    expect(found.code).toBe("import_layout_unknown");
  }
});
