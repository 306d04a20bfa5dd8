import { expect, it } from "vitest";
import { encodeRle } from "../../src/imaging/rle.ts";
import { BitWriter, brushRle } from "./brush.ts";
import { type Files, picture, problemOf, readAll, useZips } from "./zips.ts";

const zips = useZips();
const image = await picture(1);

/** Pixels [2, 5) x [1, 7) of 12 x 8. */
const mask = { width: 12, height: 8, data: new Uint8Array(96) };
for (let y = 1; y < 7; y++) mask.data.fill(1, y * 12 + 2, y * 12 + 5);
const { counts } = encodeRle(mask);

const frame = {
  original_width: 12,
  original_height: 8,
  image_rotation: 0,
  from_name: "tag",
  to_name: "image",
};
const brush = (changes: object = {}) => ({
  ...frame,
  id: "b1",
  type: "brushlabels",
  value: { format: "rle", rle: brushRle(mask), brushlabels: ["stamp"] },
  ...changes,
});
const polygon = (
  changes: object = {},
  points: unknown = [
    [25, 25],
    [75, 25],
    [75, 75],
    [25, 75],
  ],
) => ({
  ...frame,
  id: "p1",
  type: "polygonlabels",
  value: { points, closed: true, polygonlabels: ["seal"] },
  ...changes,
});
const rectangle = {
  ...frame,
  id: "r1",
  type: "rectanglelabels",
  value: { x: 1, y: 1, width: 20, height: 20, rectanglelabels: ["seal"] },
};
const task = (result: object[], changes: object = {}) => ({
  id: 5,
  data: { image: "/data/upload/3/0a1b2c3d-a.png" },
  annotations: [{ id: 9, was_cancelled: false, ground_truth: false, result }],
  predictions: [{ result: [brush()] }],
  ...changes,
});
const zipOf = (tasks: unknown, files: Files = {}): Promise<string> =>
  zips.zip({ "images/a.png": image, "project-1.json": JSON.stringify(tasks), ...files });

it("reads brush regions and polygons in percent, with their labels", async () => {
  const { dataset, items } = await readAll(
    await zipOf([task([brush(), polygon(), { id: "c", type: "choices", value: { choices: ["good"] } }])], {
      "images/z.png": await picture(2),
    }),
  );
  expect(dataset).toMatchObject({
    layout: "label_studio",
    images: 2,
    annotations: 2,
    skipped: { boxes: 0, shapes: 0 },
  });
  expect(items[0]?.annotations).toEqual([
    { counts, area: 18, box: [2, 1, 5, 7], label: "stamp", file: "project-1.json: task 5, result b1" },
    expect.objectContaining({ area: 24, box: [3, 2, 9, 6], label: "seal" }),
  ]);
  expect(items[1]?.annotations).toEqual([]);
});

it("takes a brush without labels, or with those beside it", async () => {
  const value = { format: "rle", rle: brushRle(mask) };
  const other = polygon({ type: "polygon", id: "p2" });
  const beside = { ...frame, id: "b1", type: "labels", value: { labels: ["wet"] } };
  const { items } = await readAll(await zipOf([task([brush({ type: "brush", value }), beside, other])]));
  expect(items[0]?.annotations.map((one) => one.label)).toEqual(["wet", null]);
});

it("passes over rectangles and other shapes and counts them, unless there is nothing else", async () => {
  const ellipse = { ...frame, id: "e", type: "ellipselabels", value: { x: 5, y: 5, radiusX: 2, radiusY: 2 } };
  const { dataset, items } = await readAll(await zipOf([task([rectangle, brush(), ellipse, rectangle])]));
  expect(dataset.skipped).toMatchObject({ boxes: 2, shapes: 1 });
  expect(items[0]?.annotations).toHaveLength(1);
  expect(await problemOf(await zipOf([task([rectangle])]))).toMatchObject({ code: "import_layout_unknown" });
});

it("takes one annotation of a task: not a skipped one, and the ground truth of several", async () => {
  const annotation = (result: object[], changes: object = {}) => ({ result, ...changes });
  const cases: [object[], string[]][] = [
    [[annotation([brush()], { was_cancelled: true }), annotation([polygon()])], ["seal"]],
    [[annotation([brush()], { ground_truth: true }), annotation([polygon()])], ["stamp"]],
    [[], []],
  ];
  for (const [annotations, labels] of cases) {
    const { items } = await readAll(await zipOf([task([], { annotations })]));
    expect(items[0]?.annotations.map((one) => one.label)).toEqual(labels);
  }
});

it("finds the image behind servers, folders and upload prefixes", async () => {
  for (const [image_, name] of [
    ["a.png", "a.png"],
    ["/data/upload/3/0a1b2c3d-a.png", "images/a.png"],
    ["/data/upload/3/0a1b2c3d-a.png", "0a1b2c3d-a.png"],
    ["/data/local-files/?d=set%2Fmy%20a.png", "images/my a.png"],
    ["s3://bucket/some/where/a.png", "where/a.png"],
    ["https://example.org/x/a.png?token=1#top", "a.png"],
    ["50%/a#1.png", "images/a#1.png"],
  ] as const) {
    const data = { title: "a page", image: image_ };
    const path = await zips.zip({ [name]: image, "x.json": JSON.stringify([task([brush()], { data })]) });
    expect((await readAll(path)).items).toMatchObject([{ fileName: name, annotations: [{ area: 18 }] }]);
  }
});

it("names the file, the task, the result and the reason", async () => {
  const rle = brushRle(mask);
  const withRle = (bytes: unknown) => [task([brush({ value: { format: "rle", rle: bytes } })])];
  const header = (total: number, word = 8): BitWriter => {
    const bits = new BitWriter();
    bits.put(total, 32);
    bits.put(word - 1, 5);
    for (const width of [3, 4, 8, 16]) bits.put(width - 1, 4);
    return bits;
  };
  const cases: [unknown, RegExp][] = [
    [[{ ...task([]), annotations: 3 }], /^project-1\.json: \[0\]\.annotations/],
    [[task([], { data: {} })], /^project-1\.json: task 5: its data names no .* image/],
    [[task([], { data: { left: "a.png", right: "b.png" } })], /task 5: its data names 2 images/],
    [[task([], { data: { image: "gone.png" } })], /task 5: the zip has no file gone\.png/],
    [[task([]), task([], { id: 6 })], /task 6: another task shows images\/a\.png too/],
    [
      [task([], { annotations: [{ result: [brush()] }, { result: [polygon()] }] })],
      /task 5: has 2 annotations/,
    ],
    [[task([brush({ image_rotation: 90 })])], /task 5, result b1: was drawn on the image turned by 90/],
    [
      [task([polygon({ original_width: 8, original_height: 12 })])],
      /^images\/a\.png: the image is 12 x 8 .* task 5 says 8 x 12/,
    ],
    [
      [
        task([
          polygon({}, [
            [1, 2],
            [3, 4],
          ]),
        ]),
      ],
      /task 5, result p1: points: 3 points/,
    ],
    [
      [
        task([
          polygon({}, [
            [1, 2],
            [3, "4"],
            [5, 6],
          ]),
        ]),
      ],
      /result p1: points\[1\]\[1\]/,
    ],
    [
      [
        task([
          polygon({}, [
            [1, 2],
            [3, 400],
            [5, 6],
          ]),
        ]),
      ],
      /result p1: point 1 lies far outside; .* percent/,
    ],
    [
      [task([brush({ value: { format: "rle", rle, brushlabels: ["a", "b"] } })])],
      /result b1: labels: a region has one label/,
    ],
    [[task([brush({ value: { format: "rle", rle, brushlabels: ["a\0"] } })])], /result b1: labels: a NUL/],
    [withRle("abc"), /result b1: value must be/],
    [withRle([1, 256]), /result b1: rle\[1\] is no byte/],
    [withRle([1, 2]), /result b1: the brush's rle ends too early/],
    [
      withRle(brushRle({ width: 8, height: 8, data: new Uint8Array(64) })),
      /holds 256 bytes; 12 x 8 pixels of four bytes are 384/,
    ],
    [withRle(header(384, 4).bytes()), /has values of 4 bits/],
    [withRle(rle.slice(0, -4)), /ends too early/],
    [withRle(header(384).run(true, 3, 400, [255]).bytes()), /has a run that ends at byte 400 of 384/],
    [
      withRle(brushRle({ width: 12, height: 8, data: new Uint8Array(96) })),
      /result b1: the mask has no foreground/,
    ],
  ];
  for (const [tasks, message] of cases) {
    const found = await problemOf(await zipOf(tasks));
    expect(found.message).toMatch(message);
    expect(found.code).toBe("import_file_invalid");
  }
});

it("refuses to choose between two exports, or between an export and COCO", async () => {
  const tasks = [task([brush()])];
  const coco = { images: [], annotations: [], categories: [] };
  for (const [files, message] of [
    [{ "b.json": JSON.stringify(tasks) }, /two of these: a Label Studio export, b\.json and project-1\.json/],
    [{ "b.json": coco }, /both a COCO file, b\.json, and a Label Studio export, project-1\.json/],
  ] as const)
    expect(await problemOf(await zipOf(tasks, files))).toMatchObject({
      code: "import_layout_unknown",
      message: expect.stringMatching(message),
    });
});
