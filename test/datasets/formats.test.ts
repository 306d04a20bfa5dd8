import { deflateSync } from "node:zlib";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { encodeRle } from "../../src/imaging/rle.ts";
import { type Files, readAll, toldBy, useZips } from "./zips.ts";
import { box, flat, height, hole, image, points, width, xy } from "../worlds/square.ts";

const zips = useZips();

const mask = { width, height, data: new Uint8Array(width * height) };
for (let y = 6; y < 16; y++) mask.data.fill(1, y * width + 4, y * width + 14);
const rle = { size: [height, width], counts: encodeRle(mask).counts };
const part = await sharp(new Uint8Array(100).fill(255), { raw: { width: 10, height: 10, channels: 1 } })
  .toColourspace("b-w")
  .png()
  .toBuffer();
/** Along the rows, background first, of the whole image. */
const rows = [6 * width + 4, ...Array.from({ length: 9 }, () => [10, width - 10]).flat(), 10];

const cases: [string, string, Files, Record<string, number>?][] = [
  [
    "LabelMe",
    "labelme",
    {
      "a.json": {
        version: "5.5.0",
        imagePath: "..\\images\\a.png",
        imageWidth: width,
        imageHeight: height,
        shapes: [
          { label: "stamp", shape_type: "polygon", points },
          { label: "b", shape_type: "rectangle", points: [points[0], points[2]] },
          { label: "b", shape_type: "point", points: [points[0]] },
        ],
      },
    },
    { box_only: 1, shape_unsupported: 1 },
  ],
  [
    "LabelMe, a mask",
    "labelme",
    {
      "a.json": {
        imagePath: "a.png",
        shapes: [
          {
            label: "stamp",
            shape_type: "mask",
            points: [
              [4, 6],
              [13, 15],
            ],
            mask: part.toString("base64"),
          },
        ],
      },
    },
  ],
  [
    "LabelMe, parts of one group",
    "labelme",
    {
      "a.json": {
        imagePath: "a.png",
        shapes: [
          {
            label: "stamp",
            group_id: 3,
            points: [
              [4, 6],
              [9, 6],
              [9, 16],
              [4, 16],
            ],
          },
          {
            label: "stamp",
            group_id: 3,
            points: [
              [9, 6],
              [14, 6],
              [14, 16],
              [9, 16],
            ],
          },
        ],
      },
    },
  ],
  [
    "SA-1B",
    "sa_1b",
    {
      "a.json": { image: { file_name: "a.png", width, height }, annotations: [{ id: 5, segmentation: rle }] },
    },
  ],
  [
    "VIA 2",
    "via",
    {
      "via_region_data.json": {
        "a.png1": {
          filename: "a.png",
          regions: [
            {
              shape_attributes: {
                name: "polygon",
                all_points_x: points.map(([x]) => x),
                all_points_y: points.map(([, y]) => y),
              },
              region_attributes: { name: "stamp" },
            },
            { shape_attributes: { name: "rect", x: 1, y: 1, width: 3, height: 3 }, region_attributes: {} },
          ],
        },
      },
    },
    { box_only: 1 },
  ],
  [
    "VIA 1",
    "via",
    {
      "via.json": {
        "a.png1": {
          filename: "a.png",
          regions: {
            "0": {
              shape_attributes: {
                name: "polygon",
                all_points_x: points.map(([x]) => x),
                all_points_y: points.map(([, y]) => y),
              },
              region_attributes: { type: { stamp: true, seal: false } },
            },
          },
        },
      },
    },
  ],
  [
    "VIA 3",
    "via",
    {
      "project.json": {
        project: {},
        config: {},
        attribute: { "1": { aname: "class", options: { "0": "stamp" } } },
        file: { "1": { fid: 1, fname: "a.png" } },
        view: { "1": { fid_list: [1] } },
        metadata: { x: { vid: "1", xy: [7, ...flat], av: { "1": "0" } } },
      },
    },
  ],
  [
    "VIA's CSV",
    "via",
    {
      "via.csv":
        "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes\n" +
        `a.png,1,"{}",1,0,"${JSON.stringify({ name: "polygon", all_points_x: points.map(([x]) => x), all_points_y: points.map(([, y]) => y) }).replaceAll('"', '""')}","{""name"":""stamp""}"\n`,
    },
  ],
  [
    "Supervisely, a bitmap",
    "supervisely",
    {
      "meta.json": { classes: [{ title: "stamp" }], tags: [] },
      "ds/ann/a.png.json": {
        size: { width, height },
        objects: [
          {
            classTitle: "stamp",
            geometryType: "bitmap",
            bitmap: { data: deflateSync(part).toString("base64"), origin: [4, 6] },
          },
        ],
      },
    },
  ],
  [
    "Supervisely, a polygon with a hole",
    "supervisely",
    {
      "ds/ann/a.png.json": {
        size: { width, height },
        objects: [
          { classTitle: "stamp", geometryType: "polygon", points: { exterior: points, interior: [hole] } },
        ],
      },
    },
  ],
  [
    "V7 Darwin JSON 2",
    "darwin",
    {
      "annotations/a.json": {
        version: "2.0",
        item: { name: "a.png", slots: [{ width, height, source_files: [{ file_name: "a.png" }] }] },
        annotations: [
          { id: "1", name: "stamp", bounding_box: box, polygon: { paths: [xy] } },
          { id: "2", name: "b", bounding_box: box },
        ],
      },
    },
    { box_only: 1 },
  ],
  [
    "V7 Darwin JSON 2, a raster layer",
    "darwin",
    {
      "annotations/a.json": {
        item: { name: "a.png", slots: [{ width, height }] },
        annotations: [
          { id: "m", name: "stamp", mask: {} },
          {
            id: "r",
            name: "__raster_layer__",
            raster_layer: {
              mask_annotation_ids_mapping: { m: 3 },
              dense_rle: [...rows, width * height - rows.reduce((a, b) => a + b, 0)].flatMap((run, i) => [
                i % 2 ? 3 : 0,
                run,
              ]),
            },
          },
        ],
      },
    },
  ],
];

describe("a zip of", () => {
  it.each(cases)("%s", async (_, layout, files, skipped = {}) => {
    const { dataset, items } = await readAll(await zips.zip({ "images/a.png": image, ...files }));
    expect(dataset.layout).toBe(layout);
    const annotations = items.flatMap((item) => item.annotations);
    const area = /with a hole/.test(_) ? 84 : 100;
    expect(annotations).toMatchObject([
      { area, box: [4, 6, 14, 16], label: layout === "sa_1b" ? null : "stamp" },
    ]);
    expect(toldBy(dataset).skipped).toEqual(skipped);
  });
});
