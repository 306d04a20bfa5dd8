import { expect, it } from "vitest";
import { encodeRle } from "../../src/imaging/rle.ts";
import { type Files, maskPng, picture, problemOf, readAll, toldBy, useZips } from "./zips.ts";
import { annotation, coco, entry, square } from "../worlds/coco-square.ts";

const zips = useZips();
const image = await picture(1);

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

it("takes what supervision 0.27 marks as crowd, of a hole or several parts, for an object", async () => {
  const parts = annotation({ id: 8, iscrowd: 1, segmentation: { size: [8, 12], counts: [8, 4, 12, 4, 68] } });
  const read = async (supercategories: readonly string[]) => {
    const categories = supercategories.map((supercategory, k) => ({
      id: k + 1,
      name: `c${k}`,
      supercategory,
    }));
    const { dataset, items } = await readAll(
      await zips.zip({
        "images/a.png": image,
        "annotations.json": { ...coco({ annotations: [annotation(), parts] }), categories },
      }),
    );
    return { areas: items[0]?.annotations.map(({ area }) => area), skipped: toldBy(dataset).skipped };
  };
  expect(await read(["common-objects", "common-objects"])).toEqual({ areas: [18, 8], skipped: {} });
  expect(await read(["common-objects", "other"])).toEqual({ areas: [18], skipped: { crowd: 1 } });
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
  expect(toldBy(dataset).skipped).toEqual({ crowd: 1 });
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

it("takes the liberties that tools take", async () => {
  const flat = square[0] as number[];
  const pairs = [
    [
      [2, 1],
      [5, 1],
      [5, 7],
      [2, 7],
    ],
  ];
  const rle = { size: [8, 12], counts: [17, 6, 2, 6, 2, 6, 57] };
  const cases: [object, string[]][] = [
    [{ annotations: [annotation({ segmentation: flat })] }, []],
    [{ annotations: [annotation({ segmentation: pairs })] }, []],
    [{ annotations: [annotation({ segmentation: [...square, [1, 1, 2, 2]] })] }, []],
    [{ annotations: [annotation({ image_id: "1", category_id: "3" })] }, []],
    [{ images: [entry({ width: 0, height: 0 })] }, []],
    [{ images: [entry({ width: 8, height: 12 })] }, ["size_swapped"]],
    [{ images: [entry({ file_name: "C:\\data\\a.png" })] }, []],
    [{ images: [entry({ file_name: "https://example.org/set/A.PNG?sig=1" })] }, []],
    [{ images: [entry({ file_name: "a.jpg" })] }, []],
    [{ images: [entry(), entry()] }, []],
    [{ annotations: [annotation({ bbox: [0, 0, 0, 0] })] }, ["box_replaced"]],
    [{ annotations: [annotation({ bbox: [-9, 1, 14, 6] })] }, ["box_replaced"]],
    // Datumaro and CVAT write iscrowd for every mask.
    [{ annotations: [annotation({ segmentation: rle, iscrowd: 1 })] }, []],
    [
      { annotations: [annotation(), annotation({ id: 8, segmentation: rle, iscrowd: 1, attributes: {} })] },
      [],
    ],
  ];
  for (const [changes, notes] of cases) {
    const { dataset, items } = await readAll(
      await zips.zip({ "images/a.png": image, "annotations.json": coco(changes) }),
    );
    expect(items[0]?.annotations, JSON.stringify(changes)).toMatchObject([
      { area: 18, box: [2, 1, 5, 7], label: "stamp" },
    ]);
    expect(toldBy(dataset).notes).toEqual(notes);
  }
});

it("reads a byte order mark, and ids that only one of several files knows", async () => {
  const second = coco({
    images: [entry({ file_name: "b.png" })],
    annotations: [annotation({ segmentation: [[0, 0, 4, 0, 4, 4, 0, 4]] })],
  });
  const { dataset, items } = await readAll(
    await zips.zip({
      "images/a.png": image,
      "images/b.png": await picture(2),
      "train.json": `\uFEFF${JSON.stringify(coco())}`,
      "val.json": second,
    }),
  );
  expect(items.map((item) => [item.annotations[0]?.area, item.split])).toEqual([
    [18, "train"],
    [16, "val"],
  ]);
  expect(toldBy(dataset).skipped).toEqual({});
});

it("takes outlines before the masks that were drawn of them, and tells it", async () => {
  const { dataset, items } = await readAll(
    await zips.zip({
      "images/a.png": image,
      "annotations.json": coco(),
      "masks/a.png": await maskPng([0, 0, 1, 1]),
    }),
  );
  expect(items.map((item) => [item.fileName, item.annotations.length])).toEqual([["images/a.png", 1]]);
  expect(toldBy(dataset).skipped).toEqual({ rendered: 1 });
});

it("asks for the images where a zip has annotations alone", async () => {
  expect(await problemOf(await zips.zip({ "annotations.json": coco() }))).toMatchObject({
    code: "import_layout_unknown",
    message: expect.stringContaining("not the images that they are of"),
  });
});

it("makes one image of one picture under two names, and one object of two outlines of it", async () => {
  const big = await picture(3, 60, 60);
  const outline = (d: number): number[][] => [[10 + d, 10, 50, 10, 50, 50, 10 + d, 50]];
  const { dataset, items } = await readAll(
    await zips.zip({
      "images/a.png": big,
      "images/copy.png": big,
      "annotations.json": coco({
        images: [
          entry({ width: 60, height: 60 }),
          entry({ id: 2, file_name: "copy.png", width: 60, height: 60 }),
        ],
        annotations: [
          annotation({ segmentation: outline(0) }),
          annotation({ id: 8, image_id: 2, segmentation: outline(1) }),
        ],
      }),
    }),
  );
  expect(items).toMatchObject([{ fileName: "images/a.png", annotations: [{ area: 1600 }] }]);
  expect(toldBy(dataset).skipped).toEqual({ duplicate: 1 });
});
