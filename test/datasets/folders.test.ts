import { expect, it } from "vitest";
import { decodeRle } from "../../src/imaging/rle.ts";
import { sha256 } from "../../src/lib/hash.ts";
import sharp from "sharp";
import { type Files, maskPng, open, picture, problemOf, readAll, toldBy, useZips } from "./zips.ts";

const zips = useZips();

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
    skipped: [],
  });
  expect(items.map((item) => item.fileName)).toEqual(["images/a.png", "images/b.png"]);
  expect(items[0]).toMatchObject({
    bytes: a,
    sha256: sha256(a),
    facts: { width: 12, height: 8, format: "png", orientation: 1, pages: 1 },
    split: null,
    background: false,
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
  expect(toldBy(dataset).skipped).toEqual({ union: 1 });
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

it("leaves out what is at fault, with its reason, and takes the rest", async () => {
  const ok = await maskPng([0, 0, 1, 1]);
  const noise = await picture(7);
  const base: Files = { "images/a.png": await picture(1), "masks/a.png": ok };
  const b = { ...base, "images/b.png": await picture(2) };
  const cases: [Files, string, RegExp][] = [
    [{ ...b, "masks/b.png": await maskPng([0, 0, 1, 1], { width: 30 }) }, "size_differs", /30 x 8.*12 x 8/],
    [{ ...b, "masks/b.png": ok.subarray(0, ok.length - 20) }, "mask_unreadable", /can't be read/],
    [{ ...b, "masks/b.png": noise }, "mask_unreadable", /those of a picture/],
    [{ ...base, "masks/gone.png": ok }, "mask_without_image", /no image of this name/],
    [{ ...base, "images/bad.png": "not an image" }, "image_unreadable", /no picture that is read/],
    [{ ...base, "images/bad.jpg": Buffer.from("8BPS", "latin1") }, "image_unreadable", /Photoshop; save/],
    [{ ...base, "notes.docx": "x" }, "unread", /of the kind \.docx/],
    [{ ...base, "masks/b.npy": "x" }, "unread", /NumPy's array/],
    [{ ...base, "labels.json": { boxes: [] } }, "unread", /annotations of no format/],
  ];
  for (const [files, code, detail] of cases) {
    const { dataset, items, report } = await readAll(await zips.zip(files));
    expect(items[0]?.annotations).toHaveLength(1);
    expect(toldBy(dataset).skipped, code).toEqual({ [code]: 1 });
    expect(report).toMatchObject([{ code, detail: expect.stringMatching(detail) }]);
  }
});

it("says what it saw and what would be read when nothing comes of a zip", async () => {
  const image = await picture(1);
  const cases: [Files, RegExp][] = [
    [{}, /it is empty/],
    [{ "images/a.txt": "x" }, /no image that is read/],
    [{ "images.zip": "x", "masks.zip": "x" }, /images\.zip is an archive in the archive/],
    [{ "scan.psd": "x" }, /scan\.psd is a picture of a format that is not read \(psd\)/],
    [
      { "images/a.png": image, "labels.json": { boxes: [] } },
      /labels\.json was not read: annotations of no format/,
    ],
    [{ "images/a.png": image, "masks/a.npy": "x" }, /masks\/a\.npy was not read: NumPy's array/],
  ];
  for (const [files, message] of cases) {
    const found = await problemOf(await zips.zip(files));
    expect(found.message).toMatch(message);
    expect(found.code).toBe("import_layout_unknown");
  }
});

it("takes photographs alone, wherever they lie", async () => {
  const [a, b] = [await picture(1), await picture(2)];
  const sets: Files[] = [
    { "a.png": a, "b.png": b },
    { "DCIM/100/a.png": a, "DCIM/101/b.png": b },
    { "images/a.png": a, "images/b.png": b, "README.md": "hello" },
    { "labels of wine/a.png": a, "labels of wine/b.png": b },
  ];
  for (const files of sets) {
    const { dataset, items } = await readAll(await zips.zip(files));
    expect(items.map((item) => item.annotations.length)).toEqual([0, 0]);
    expect(toldBy(dataset)).toEqual({ skipped: {}, notes: [] });
  }
});

it("pairs two folders of whatever names, and names with what people add to them", async () => {
  const [a, b, mask] = [
    await picture(1, 40, 30),
    await picture(2, 40, 30),
    await maskPng([2, 2, 20, 20], { width: 40, height: 30 }),
  ];
  const pairs: [string, string][] = [
    ["images/x", "labels/x"],
    ["Original/x", "Ground Truth/x"],
    ["img/x", "masks_machine/x"],
    ["JPEGImages/x", "Annotations/x"],
    ["a/x", "b/x"],
    ["train/images/x", "train/masks/x"],
    ["images/train/x", "masks/train/x"],
    ["val_images/x", "val_masks/x"],
    ["images/cam1/x", "masks/x"],
    ["train/x", "train_masks/x_mask"],
    ["images/x", "masks/x_gt"],
    ["images/x", "masks/x_L"],
    ["images/X", "masks/x"],
    ["images/x", "masks/x.jpg"],
    ["images/x", "masks/mask_x"],
    ["images/x", "gt/gt_x"],
    ["set/x", "set/x_segmentation"],
    ["set/x_img", "set/x_masks"],
    ["set/x_rgb", "set/x_label"],
    ["set/x_sat", "set/x_mask"],
    ["images/x", "masks/x/0"],
    ["x/images/x", "x/masks/0a1b"],
    ["test/broken/x", "ground_truth/broken/x_mask"],
  ];
  for (const [image, file] of pairs) {
    const name = (path: string, stem: string): string =>
      `${path.replaceAll(/(?<![a-z])x(?![a-z])|X/g, (x) => (x === "X" ? stem.toUpperCase() : stem))}.png`;
    const files = {
      [name(image, "page000")]: a,
      [name(image, "page001")]: b,
      [name(file, "page000")]: mask,
      [name(file, "page001")]: mask,
    };
    const { dataset, items } = await readAll(await zips.zip(files));
    expect(
      items.map((item) => item.annotations.map((one) => [one.label, one.area])),
      file,
    ).toEqual([[[null, 324]], [[null, 324]]]);
    expect(toldBy(dataset).skipped, file).toEqual({});
  }
});

it("pairs by numbers that count both sides", async () => {
  const files: Files = {};
  for (const k of [0, 1, 2]) {
    files[`images/image_${k}.png`] = await picture(k);
    files[`masks/seg-${k}.png`] = await maskPng([0, 0, k + 1, 1]);
  }
  const { items } = await readAll(await zips.zip(files));
  expect(items.map((item) => item.annotations[0]?.area)).toEqual([1, 2, 3]);
});

it("takes a file or folder for each class, and a mask beside its picture", async () => {
  const [image, a, b] = [await picture(1), await maskPng([0, 0, 2, 2]), await maskPng([4, 4, 8, 8])];
  const jpeg = await sharp(await picture(1, 40, 30))
    .jpeg()
    .toBuffer();
  const big = await maskPng([4, 4, 8, 8], { width: 40, height: 30 });
  const cases: [Files, [string | null, number][]][] = [
    [
      { "images/x.png": image, "masks/x_stamp.png": a, "masks/x_seal.png": b },
      [
        ["seal", 16],
        ["stamp", 4],
      ],
    ],
    [
      { "images/x.png": image, "masks/stamp/x.png": a, "masks/seal/x.png": b },
      [
        ["seal", 16],
        ["stamp", 4],
      ],
    ],
    [
      { "images/x.png": image, "masks_stamp/x.png": a, "masks_seal/x.png": b },
      [
        ["seal", 16],
        ["stamp", 4],
      ],
    ],
    [
      { "x (1).png": image, "x (1)_mask.png": a, "x (1)_mask_1.png": b },
      [
        [null, 4],
        [null, 16],
      ],
    ],
    [{ "x.jpg": jpeg, "x.png": big }, [[null, 16]]],
  ];
  for (const [files, found] of cases) {
    const { items } = await readAll(await zips.zip(files));
    const read = items.flatMap((item) => item.annotations.map((one) => `${one.label} ${one.area}`));
    const wanted = found.map(([label, area]) => `${label} ${area}`);
    expect(read.toSorted(), Object.keys(files).join(" ")).toEqual(wanted.toSorted());
  }
});
