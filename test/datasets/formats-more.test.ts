import { describe, expect, it } from "vitest";
import { type Files, maskPng, picture, readAll, toldBy, useZips } from "./zips.ts";
import { box, flat, height, hole, image, points, width, xy } from "../worlds/square.ts";

const zips = useZips();

const cases: [string, string, Files, Record<string, number>?][] = [
  [
    "QuPath, with a hole",
    "geojson",
    {
      "a.geojson": {
        type: "FeatureCollection",
        features: [
          {
            type: "Feature",
            id: "f",
            geometry: { type: "Polygon", coordinates: [points, hole] },
            properties: { classification: { name: "stamp" } },
          },
          { type: "Feature", geometry: { type: "Point", coordinates: [1, 1] }, properties: {} },
        ],
      },
    },
    { shape_unsupported: 1 },
  ],
  [
    "Encord",
    "encord",
    {
      "labels.json": [
        {
          data_title: "a.png",
          data_units: {
            h: {
              data_title: "a.png",
              width,
              height,
              labels: {
                objects: [
                  {
                    name: "stamp",
                    shape: "polygon",
                    polygon: Object.fromEntries(
                      points.map(([x, y], i) => [i, { x: x / width, y: y / height }]),
                    ),
                  },
                  { name: "b", shape: "bounding_box", boundingBox: {} },
                ],
              },
            },
          },
        },
      ],
    },
    { box_only: 1 },
  ],
  [
    "Labelbox",
    "labelbox",
    {
      "export.ndjson": `${JSON.stringify({
        data_row: { external_id: "a.png" },
        media_attributes: { width, height },
        projects: {
          p: {
            labels: [
              {
                annotations: {
                  objects: [
                    { name: "stamp", polygon: xy },
                    { name: "b", bounding_box: box },
                  ],
                },
              },
            ],
          },
        },
      })}\n`,
    },
    { box_only: 1 },
  ],
  [
    "SuperAnnotate, with a hole",
    "superannotate",
    {
      "classes/classes.json": [{ name: "stamp" }],
      "a.png.json": {
        metadata: { name: "a.png", width, height },
        instances: [
          { type: "polygon", className: "stamp", points: flat, exclude: [hole.flat()] },
          { type: "bbox", className: "b" },
        ],
      },
    },
    { box_only: 1 },
  ],
  [
    "ISAT, with a hole",
    "isat",
    {
      "a.json": {
        info: { description: "ISAT", name: "a.png", width, height },
        objects: [
          { category: "stamp", group: 1, segmentation: points },
          { category: "__background__", group: 1, segmentation: hole },
        ],
      },
    },
  ],
  [
    "Datumaro",
    "datumaro",
    {
      "annotations/train.json": {
        categories: { label: { labels: [{ name: "b" }, { name: "stamp" }] } },
        items: [
          {
            id: "a",
            image: { path: "a.png", size: [height, width] },
            annotations: [
              { id: 1, type: "polygon", label_id: 1, points: flat },
              { id: 2, type: "bbox", label_id: 0, bbox: [1, 1, 2, 2] },
            ],
          },
        ],
      },
    },
    { box_only: 1 },
  ],
  [
    "Hasty, a mask in its box",
    "hasty",
    {
      "hasty.json": {
        images: [
          {
            image_name: "a.png",
            width,
            height,
            labels: [{ class_name: "stamp", bbox: [4, 6, 14, 16], mask: [0, 100] }],
          },
        ],
      },
    },
  ],
  [
    "CVAT for images",
    "cvat",
    {
      "annotations.xml":
        `<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1</version><image id="0" name="a.png" width="${width}" height="${height}">` +
        `<mask label="stamp" rle="0, 100" left="4" top="6" width="10" height="10" z_order="0"></mask>` +
        `<box label="b" xtl="1" ytl="1" xbr="2" ybr="2"/><polyline label="b" points="1,1;2,2"/></image></annotations>`,
    },
    { box_only: 1, shape_unsupported: 1 },
  ],
  [
    "CVAT for images, a polygon",
    "cvat",
    {
      "annotations.xml": `<annotations><image name="a.png"><polygon label="stamp" points="${points.map((point) => point.join(",")).join(";")}"/></image></annotations>`,
    },
  ],
  [
    "PASCAL VOC's XML with a polygon, as Roboflow writes it",
    "voc",
    {
      "a.xml": `<annotation><filename>a.png</filename><object><name>stamp</name><bndbox><xmin>4</xmin></bndbox><polygon>${points.map(([x, y], i) => `<x${i + 1}>${x}</x${i + 1}><y${i + 1}>${y}</y${i + 1}>`).join("")}</polygon></object></annotation>`,
    },
  ],
  [
    "LabelMe's older XML",
    "voc",
    {
      "a.xml": `<annotation><filename>a.png</filename><object><name>stamp</name><deleted>0</deleted><polygon>${points.map(([x, y]) => `<pt><x>${x}</x><y>${y}</y></pt>`).join("")}</polygon></object></annotation>`,
    },
  ],
  [
    "LabelMe's older XML with a mask, as datumaro 0.3 writes it",
    "voc",
    {
      "sub/a.png": image,
      "sub/a.xml": `<annotation><filename>a.png</filename><object><name>stamp</name><deleted>0</deleted><segm><mask>a_mask_0.png</mask><box><xmin>4</xmin></box></segm></object><object><name>ink</name><segm><mask>gone.png</mask></segm></object><object><name>ink</name><segm><mask>a_mask_0.png</mask></segm></object></annotation>`,
      "sub/Masks/a_mask_0.png": await maskPng([4, 6, 14, 16], { width, height }),
    },
    { mask_unreadable: 2 },
  ],
  [
    "Cityscapes",
    "cityscapes",
    {
      "leftImg8bit/train/town/b_leftImg8bit.png": await picture(2, width, height),
      "gtFine/train/town/b_gtFine_labelIds.png": await picture(3, width, height),
      "gtFine/train/town/b_gtFine_polygons.json": {
        imgHeight: height,
        imgWidth: width,
        objects: [
          { label: "stamp", polygon: points },
          { label: "out of roi", polygon: points },
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

  it("ellipses of every tool is the same ellipse", async () => {
    const ellipse = { x: 20, y: 15, rx: 12, ry: 8 };
    const sets: Files[] = [
      {
        "v.json": {
          k: {
            filename: "a.png",
            regions: [
              { shape_attributes: { name: "ellipse", cx: 20, cy: 15, rx: 12, ry: 8 }, region_attributes: {} },
            ],
          },
        },
      },
      {
        "x.xml": `<annotations><image name="a.png"><ellipse label="s" cx="20" cy="15" rx="12" ry="8"/></image></annotations>`,
      },
      {
        "d.json": {
          item: { name: "a.png", slots: [{ width, height }] },
          annotations: [
            { name: "s", ellipse: { center: { x: 20, y: 15 }, radius: { x: 12, y: 8 }, angle: 0 } },
          ],
        },
      },
      {
        "a.png.json": {
          metadata: { name: "a.png" },
          instances: [{ type: "ellipse", cx: 20, cy: 15, rx: 12, ry: 8 }],
        },
      },
    ];
    for (const files of sets) {
      const { items } = await readAll(await zips.zip({ "images/a.png": image, ...files }));
      const area = items[0]?.annotations[0]?.area ?? 0;
      expect(Math.abs(area - Math.PI * ellipse.rx * ellipse.ry), Object.keys(files)[0]).toBeLessThan(6);
    }
  });
});
