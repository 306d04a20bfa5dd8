import { expect, it } from "vitest";
import { encodeRle } from "../../src/imaging/rle.ts";
import { type Files, maskPng, picture, problemOf, readAll, useZips } from "./zips.ts";

const zips = useZips();
const image = await picture(1);

const square = [[2, 1, 5, 1, 5, 7, 2, 7]];
const entry = (changes: object = {}) => ({ id: 1, file_name: "a.png", width: 12, height: 8, ...changes });
const annotation = (changes: object = {}) => ({
  id: 7,
  image_id: 1,
  category_id: 3,
  segmentation: square,
  ...changes,
});
const coco = (changes: object = {}) => ({
  images: [entry()],
  annotations: [annotation()],
  categories: [{ id: 3, name: "stamp" }],
  ...changes,
});

it("reads polygons, compressed and uncompressed RLE as the same mask", async () => {
  const data = new Uint8Array(96);
  for (let y = 1; y < 7; y++) data.fill(1, y * 12 + 2, y * 12 + 5);
  const { counts } = encodeRle({ width: 12, height: 8, data });
  const forms = [square, { size: [8, 12], counts }, { size: [8, 12], counts: [17, 6, 2, 6, 2, 6, 57] }];
  for (const segmentation of forms) {
    const { dataset, items } = await readAll(
      await zips.zip({
        "images/a.png": image,
        "annotations.json": coco({ annotations: [annotation({ segmentation })] }),
      }),
    );
    expect(dataset).toMatchObject({ layout: "coco", images: 1, annotations: 1 });
    expect(items[0]?.annotations).toEqual([
      { counts, area: 18, box: [2, 1, 5, 7], label: "stamp", file: "annotations.json: annotation 7" },
    ]);
  }
});

it("reads bbox as x, y, width, height and cuts its rounding at the image's edge", async () => {
  const boxes: [number[], number[]][] = [
    [
      [1.5, 0.5, 4, 7],
      [1.5, 0.5, 5.5, 7.5],
    ],
    [
      [-1, -0.5, 14, 9],
      [0, 0, 12, 8],
    ],
    [[], [2, 1, 5, 7]],
  ];
  for (const [bbox, box] of boxes) {
    const { items } = await readAll(
      await zips.zip({ "a.png": image, "annotations.json": coco({ annotations: [annotation({ bbox })] }) }),
    );
    expect(items[0]?.annotations[0]?.box).toEqual(box);
  }
});

it("takes the box to the last bit from corners that agree with bbox, and from bbox where they do not", async () => {
  const bbox = [1.1, 1.1, 5.3 - 1.1, 5.3 - 1.1];
  const cases: [unknown, number[]][] = [
    [
      [1.1, 1.1, 5.3, 5.3],
      [1.1, 1.1, 5.3, 5.3],
    ],
    [
      [1, 1, 5.3, 5.3],
      [1.1, 1.1, 1.1 + (5.3 - 1.1), 1.1 + (5.3 - 1.1)],
    ],
    ["another program's", [1.1, 1.1, 1.1 + (5.3 - 1.1), 1.1 + (5.3 - 1.1)]],
  ];
  expect(1.1 + (5.3 - 1.1)).not.toBe(5.3);
  for (const [corners, box] of cases) {
    const annotations = [annotation({ bbox, box: corners })];
    const { items } = await readAll(
      await zips.zip({ "a.png": image, "annotations.json": coco({ annotations }) }),
    );
    expect(items[0]?.annotations[0]?.box).toEqual(box);
  }
});

it("passes over crowds and counts them; images that are not listed are unannotated", async () => {
  const crowd = annotation({ id: 8, iscrowd: 1, segmentation: { size: [8, 12], counts: [96] } });
  const { dataset, items } = await readAll(
    await zips.zip({
      "images/a.png": image,
      "images/z.png": await picture(2),
      "annotations.json": coco({ annotations: [annotation(), crowd] }),
    }),
  );
  expect(dataset.skipped.crowds).toBe(1);
  expect(items.map((item) => [item.fileName, item.annotations.length])).toEqual([
    ["images/a.png", 1],
    ["images/z.png", 0],
  ]);
});

it("finds the COCO file and its images where tools put them", async () => {
  const places: Files[] = [
    { "top/images/a.png": image, "top/annotations/instances_default.json": coco() },
    { "train/a.png": image, "train/_annotations.coco.json": coco() },
    { "photos/deep/a.png": image, "labels.json": coco(), "other.json": { version: 1 } },
    { "images/a.png": image, "annotations.json": coco(), "result.json": coco() },
    { "images/a.png": image, "annotations.json": coco({ images: [entry({ file_name: "images\\a.png" })] }) },
    {
      "images/sub/a.png": image,
      "images/a.png": await picture(5),
      "annotations.json": coco({ images: [entry({ file_name: "sub/a.png" })] }),
    },
  ];
  for (const files of places) {
    const { dataset, items } = await readAll(await zips.zip(files));
    expect(dataset.layout).toBe("coco");
    expect(items.find((item) => item.bytes.equals(image))?.annotations).toHaveLength(1);
  }
});

it("takes the label from the category, and none without one", async () => {
  const { items } = await readAll(
    await zips.zip({
      "a.png": image,
      "annotations.json": coco({
        annotations: [annotation({ category_id: undefined })],
        categories: undefined,
      }),
    }),
  );
  expect(items[0]?.annotations[0]?.label).toBeNull();
});

it("takes split groups from images[].group", async () => {
  const { items } = await readAll(
    await zips.zip({
      "a.png": image,
      "b.png": await picture(2),
      "annotations.json": coco({
        images: [entry({ group: "patient 9" }), entry({ id: 2, file_name: "b.png" })],
      }),
    }),
  );
  expect(items.map((item) => item.splitGroup)).toEqual(["patient 9", null]);
});

it("names the file, the annotation and the reason", async () => {
  const bad = (changes: object): Files => ({ "images/a.png": image, "annotations.json": coco(changes) });
  const worse = (changes: object): Files => bad({ annotations: [annotation(changes)] });
  const cases: [Files, RegExp][] = [
    [{ "images/a.png": image, "annotations.json": "{" }, /^annotations\.json: is not JSON/],
    [bad({ images: [{ id: 1 }] }), /^annotations\.json: images\[0\]\.file_name/],
    [bad({ images: [entry(), entry({ file_name: "b.png" })] }), /two images have the id 1/],
    [bad({ images: [entry(), entry({ id: 2 })] }), /two images have the file_name a\.png/],
    [
      bad({ images: [entry({ file_name: "gone.png" })] }),
      /^annotations\.json: image 1: the zip has no file gone\.png/,
    ],
    [
      bad({ images: [entry({ width: 8, height: 12 })] }),
      /^images\/a\.png: the image is 12 x 8 .* annotations\.json says 8 x 12/,
    ],
    [worse({ image_id: 99 }), /^annotations\.json: annotation 7: there is no image with the id 99/],
    [worse({ category_id: 99 }), /^annotations\.json: annotation 7: there is no category with the id 99/],
    [bad({ categories: [{ id: 3, name: "a\0b" }] }), /^annotations\.json: categories\[0\]\.name: a NUL/],
    [
      bad({ categories: [{ id: 3, name: "\ud800" }] }),
      /^annotations\.json: categories\[0\]\.name: .*surrogate/,
    ],
    [bad({ categories: [{ id: 3, name: "x".repeat(201) }] }), /^annotations\.json: categories\[0\]\.name/],
    [bad({ images: [entry({ group: "a\0b" })] }), /^annotations\.json: images\[0\]\.group/],
    [worse({ segmentation: undefined }), /annotation 7: segmentation must be/],
    [worse({ segmentation: [] }), /annotation 7: segmentation must be/],
    [worse({ segmentation: [[1, 1, 2, 2]] }), /annotation 7: polygon 0 has 2 points/],
    [worse({ segmentation: [[1, 1, 1, 1, 1, 1]] }), /annotation 7: .*no foreground/],
    [worse({ segmentation: { size: [12, 8], counts: [96] } }), /annotation 7: the RLE's size is \[12, 8\]/],
    [
      worse({ segmentation: { size: [8, 12], counts: [17, 6] } }),
      /annotation 7: counts add up to 23 pixels, the image has 96/,
    ],
    [worse({ segmentation: { size: [8, 12], counts: "~~" } }), /annotation 7: counts /],
    [worse({ bbox: [1, 1, 0, 5] }), /annotation 7: bbox .* has no area/],
    [worse({ bbox: [9, 6, 12, 8] }), /annotation 7: bbox .* reaches outside the image, 12 x 8/],
    [worse({ bbox: [8, 0, 2, 2] }), /annotation 7: bbox .* does not meet its segmentation/],
    [worse({ bbox: [1, 2, 3] }), /annotation 7: bbox has 3 numbers/],
    [
      { "x/a.png": image, "y/a.png": await picture(2), "annotations.json": coco() },
      /image 1: a\.png may be x\/a\.png or y\/a\.png/,
    ],
  ];
  for (const [files, message] of cases) {
    const found = await problemOf(await zips.zip(files));
    expect(found.message).toMatch(message);
    expect(found.code).toBe("import_file_invalid");
  }
});

it("refuses to choose between two COCO files, or between COCO and masks", async () => {
  const both = await zips.zip({ "a.png": image, "train.json": coco(), "val.json": coco() });
  expect(await problemOf(both)).toMatchObject({
    code: "import_layout_unknown",
    message: expect.stringContaining("train.json and val.json"),
  });
  const mixed = await zips.zip({
    "images/a.png": image,
    "annotations.json": coco(),
    "masks/a.png": await maskPng([0, 0, 1, 1]),
  });
  expect(await problemOf(mixed)).toMatchObject({
    code: "import_layout_unknown",
    message: expect.stringContaining("masks/a.png"),
  });
});
