import { expect, it } from "vitest";
import { encodeRle } from "../../src/imaging/rle.ts";
import { BitWriter, brushRle } from "./brush.ts";
import { type Files, picture, problemOf, readAll, toldBy, useZips } from "./zips.ts";

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
    skipped: [],
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

it("passes over rectangles and points and counts them, unless there is nothing else", async () => {
  const point = { ...frame, id: "k", type: "keypointlabels", value: { x: 5, y: 5, width: 1 } };
  const { dataset, items } = await readAll(await zipOf([task([rectangle, brush(), point, rectangle])]));
  expect(toldBy(dataset).skipped).toEqual({ box_only: 2, shape_unsupported: 1 });
  expect(items[0]?.annotations).toHaveLength(1);
  expect(await problemOf(await zipOf([task([rectangle])]))).toMatchObject({ code: "import_layout_unknown" });
});

it("reads ellipses, and the export JSON_MIN", async () => {
  const ellipse = {
    ...frame,
    id: "e",
    type: "ellipselabels",
    value: { x: 50, y: 50, radiusX: 50, radiusY: 50, ellipselabels: ["seal"] },
  };
  const { items } = await readAll(await zipOf([task([ellipse])]));
  expect(items[0]?.annotations).toMatchObject([{ label: "seal", box: [0, 0, 12, 8] }]);
  const min = {
    id: 5,
    image: "/data/upload/3/0a1b2c3d-a.png",
    tag: [{ ...polygon().value, original_width: 12, original_height: 8 }],
  };
  const minimal = await readAll(await zipOf([min]));
  expect(minimal.dataset.layout).toBe("label_studio");
  expect(minimal.items[0]?.annotations).toMatchObject([{ label: "seal", area: 24 }]);
});

it("takes one annotation of a task: not a skipped one, and the ground truth of several", async () => {
  const annotation = (result: object[], changes: object = {}) => ({ result, ...changes });
  const cases: [object[], string[]][] = [
    [[annotation([brush()], { was_cancelled: true }), annotation([polygon()])], ["seal"]],
    [[annotation([brush()], { ground_truth: true }), annotation([polygon()])], ["stamp"]],
    [
      [annotation([brush()], { updated_at: "2026-02" }), annotation([polygon()], { updated_at: "2026-01" })],
      ["stamp"],
    ],
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

it("tells whose annotations were left out, and takes the first where it is asked for", async () => {
  const annotations = [
    { result: [brush()], updated_at: "2026-01" },
    { result: [polygon(), polygon({ id: "p2" })], updated_at: "2026-02" },
    { result: [brush()], was_cancelled: true },
  ];
  const path = await zipOf([task([], { annotations })]);
  const last = await readAll(path);
  expect(last.items[0]?.annotations.map((one) => one.label)).toEqual(["seal"]);
  expect(toldBy(last.dataset).skipped).toEqual({ cancelled: 1, other_annotator: 1, duplicate: 1 });
  const first = await readAll(path, { choices: { annotators: "first" } });
  expect(first.items[0]?.annotations.map((one) => one.label)).toEqual(["stamp"]);
});

it("takes what more than half of several annotators agree on, pixel by pixel", async () => {
  const ring = (x0: number, x1: number): number[][] =>
    [
      [x0, 2],
      [x1, 2],
      [x1, 6],
      [x0, 6],
    ].map(([x = 0, y = 0]) => [(100 * x) / 12, (100 * y) / 8]);
  const alone = polygon({ id: "alone" }, [
    [90, 0],
    [100, 0],
    [100, 20],
  ]);
  const annotations = [
    { id: 1, result: [polygon({}, ring(2, 7)), alone] },
    { id: 2, result: [polygon({}, ring(3, 8))] },
    { id: 3, result: [polygon({}, ring(4, 8))] },
  ];
  const tasks = [{ id: 1, data: { image: "a.png" }, annotations }];
  const path = await zips.zip({ "a.png": image, "tasks.json": tasks });
  const { dataset, items, report } = await readAll(path, { choices: { annotators: "consensus" } });
  expect(items[0]?.annotations).toMatchObject([{ box: [3, 2, 8, 6], area: 20, label: "seal" }]);
  expect(toldBy(dataset).skipped).toEqual({ other_annotator: 1 });
  expect(report).toMatchObject([{ detail: "1 of 3 annotators drew it" }]);
});

it("leaves out what is at fault, with task, result and reason, and takes the rest", async () => {
  const rle = brushRle(mask);
  const withRle = (bytes: unknown) => brush({ id: "x", value: { format: "rle", rle: bytes } });
  const header = (total: number, word = 8): BitWriter => {
    const bits = new BitWriter();
    bits.put(total, 32);
    bits.put(word - 1, 5);
    for (const width of [3, 4, 8, 16]) bits.put(width - 1, 4);
    return bits;
  };
  const cases: [object, string, RegExp][] = [
    [brush({ id: "x", image_rotation: 90 }), "object_invalid", /turned by 90 degrees/],
    [
      polygon({ id: "x" }, [
        [1, 2],
        [3, 4],
      ]),
      "object_empty",
      /polygon of 2 points/,
    ],
    [
      polygon({ id: "x" }, [
        [1, 2],
        [3, "4"],
        [5, 6],
      ]),
      "object_invalid",
      /polygon/,
    ],
    [
      polygon({ id: "x" }, [
        [1, 2],
        [3, 400],
        [5, 6],
      ]),
      "object_invalid",
      /far outside/,
    ],
    [withRle("abc"), "object_invalid", /brush/],
    [withRle([1, 256]), "object_invalid", /brush/],
    [withRle([1, 2]), "object_invalid", /ends too early/],
    [
      withRle(brushRle({ width: 8, height: 8, data: new Uint8Array(64) })),
      "object_invalid",
      /holds 256 bytes/,
    ],
    [withRle(header(384, 4).bytes()), "object_invalid", /has values of 4 bits/],
    [withRle(rle.slice(0, -4)), "object_invalid", /ends too early/],
    [withRle(header(384).run(true, 3, 400, [255]).bytes()), "object_invalid", /ends at byte 400 of 384/],
    [withRle(brushRle({ width: 12, height: 8, data: new Uint8Array(96) })), "object_empty", /no foreground/],
  ];
  for (const [result, code, detail] of cases) {
    const { items, report } = await readAll(await zipOf([task([brush(), result])]));
    expect(items[0]?.annotations).toHaveLength(1);
    expect(report).toMatchObject([
      { code, file: "project-1.json", id: "task 5, result x", detail: expect.stringMatching(detail) },
    ]);
  }
});

it("names the file and the task where nothing is left", async () => {
  const cases: [unknown, RegExp][] = [
    [[{ ...task([]), annotations: 3 }], /^project-1\.json: task number 0: annotations/],
    [[task([brush()], { data: {} })], /task 5: its data names no image/],
    [[task([brush()], { data: { image: "gone.png" } })], /there is no file gone\.png/],
    [
      [task([polygon({ original_width: 24, original_height: 16 })])],
      /task 5, result p1: the image is 12 x 8 pixels as seen, project-1\.json says 24 x 16/,
    ],
  ];
  for (const [tasks, message] of cases) {
    const found = await problemOf(await zipOf(tasks));
    expect(found.message).toMatch(message);
    expect(found.code).toBe("import_file_invalid");
  }
});

it("takes two exports, or an export and COCO, as one data set", async () => {
  const tasks = [task([brush()])];
  const square = [[0, 0, 3, 0, 3, 3, 0, 3]];
  const coco = {
    images: [{ id: 1, file_name: "b.png" }],
    annotations: [{ id: 1, image_id: 1, segmentation: square }],
  };
  const { dataset, items } = await readAll(
    await zipOf(tasks, { "b.png": await picture(2), "coco.json": coco }),
  );
  expect(dataset.layout.split("+").toSorted()).toEqual(["coco", "label_studio"]);
  expect(items.map((item) => item.annotations.length)).toEqual([1, 1]);
});
