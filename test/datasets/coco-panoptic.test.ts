import sharp from "sharp";
import { expect, it } from "vitest";
import { picture, readAll, toldBy, useZips } from "./zips.ts";

const zips = useZips();

/** 12 x 8 pixels: id 300 in the left half, 2 in the upper right quarter, 70,000 in the lower right one's last column. */
async function segments(): Promise<Buffer> {
  const data = Buffer.alloc(12 * 8 * 3);
  const put = (x: number, y: number, id: number): void => {
    data.set([id % 256, Math.floor(id / 256) % 256, Math.floor(id / 65_536)], (y * 12 + x) * 3);
  };
  for (let y = 0; y < 8; y++) {
    for (let x = 0; x < 6; x++) put(x, y, 300);
    if (y < 4) for (let x = 6; x < 12; x++) put(x, y, 2);
    else put(11, y, 70_000);
  }
  return sharp(data, { raw: { width: 12, height: 8, channels: 3 } })
    .png()
    .toBuffer();
}

const categories = [
  { id: 1, name: "sky", isthing: 0 },
  { id: 7, name: "stamp", isthing: 1 },
];
const info = (id: number, category: number, iscrowd = 0) => ({ id, category_id: category, iscrowd });

it("reads COCO's panoptic pictures by R + 256 G + 65536 B, crowds and faults told", async () => {
  const { dataset, items } = await readAll(
    await zips.zip({
      "images/val/a.png": await picture(1),
      "images/val/empty.png": await picture(2),
      "images/val/unknown.png": await picture(3),
      "annotations/panoptic_val.json": {
        images: ["a", "empty", "unknown"].map((name, k) => ({ id: k + 1, file_name: `${name}.png` })),
        annotations: [
          {
            image_id: 1,
            file_name: "a.png",
            segments_info: [info(300, 1), info(70_000, 7), info(2, 7, 1), info(9, 7)],
          },
          { image_id: 3, file_name: "unknown.png", segments_info: [info(300, 7)] },
          { image_id: 9, file_name: "gone.png", segments_info: [info(1, 7), info(2, 7)] },
        ],
        categories,
      },
      "annotations/panoptic_val/a.png": await segments(),
      "annotations/panoptic_val/unknown.png": await segments(),
    }),
  );
  expect(dataset).toMatchObject({ layout: "coco_panoptic", images: 3 });
  expect(
    items.map(({ fileName, annotations }) => [fileName, annotations.map((one) => [one.label, one.area])]),
  ).toEqual([
    [
      "images/val/a.png",
      [
        ["sky", 48],
        ["stamp", 4],
      ],
    ],
    ["images/val/empty.png", []],
    ["images/val/unknown.png", [["stamp", 48]]],
  ]);
  expect(toldBy(dataset).skipped).toEqual({
    crowd: 1,
    object_empty: 1,
    object_invalid: 2,
    mask_unreadable: 2,
  });
});

it("says what of a panoptic file can't be read", async () => {
  const { dataset } = await readAll(
    await zips.zip({
      "images/a.png": await picture(1),
      "labels/a.txt": "0 0.25 0.25 0.75 0.25 0.75 0.75",
      "panoptic.json": { images: [], annotations: [{ image_id: 1, segments_info: [] }] },
    }),
  );
  expect(dataset.skipped).toEqual([expect.objectContaining({ code: "entry_invalid", count: 1 })]);
});
