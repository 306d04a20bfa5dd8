import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { type Files, picture, readAll, toldBy, useZips } from "./zips.ts";

const zips = useZips();
const [width, height] = [40, 30];

/** A grey PNG of 16 bits with values in [x0, x1) x [y0, y1), as datumaro 0.3 (cvat-ai) and cityscapesScripts write it. */
function valuesPng(
  ...boxes: readonly (readonly [number, number, number, number, number])[]
): Promise<Buffer> {
  const data = new Uint16Array(width * height);
  for (const [value, x0, y0, x1, y1] of boxes)
    for (let y = y0; y < y1; y++) data.fill(value, y * width + x0, y * width + x1);
  return sharp(data, { raw: { width, height, channels: 1 } })
    .toColourspace("grey16")
    .png()
    .toBuffer();
}

const image = "imgsFine/leftImg8bit/train/a_leftImg8bit.png";
async function read(
  files: Files,
): Promise<{ layout: string; found: unknown[]; skipped: object; notes: string[] }> {
  const { dataset, items } = await readAll(
    await zips.zip({ [image]: await picture(1, width, height), ...files }),
  );
  const found = items
    .flatMap(({ annotations }) =>
      annotations.map(({ label, area }): [string | null, number] => [label, area]),
    )
    .toSorted(([, a], [, b]) => a - b);
  return { layout: dataset.layout, found, ...toldBy(dataset) };
}

describe("Cityscapes without polygons", () => {
  it("has the objects of instanceIds and the names of label_colors.txt", async () => {
    const instances = await valuesPng([1001, 1, 1, 5, 5], [1002, 8, 1, 14, 5], [2, 20, 10, 30, 20]);
    const { layout, found, skipped } = await read({
      "gtFine/train/a_gtFine_instanceIds.png": instances,
      "gtFine/train/a_gtFine_labelIds.png": await valuesPng([1, 1, 1, 14, 5]),
      "gtFine/train/a_gtFine_color.png": await picture(2, width, height),
      "label_colors.txt": "0 0 0 background\n128 0 0 seal\n0 128 0 stamp\n",
    });
    expect(layout).toBe("cityscapes");
    expect(found).toEqual([
      ["seal", 16],
      ["seal", 24],
      ["stamp", 100],
    ]);
    expect(skipped).toEqual({});
  });

  it("has Cityscapes' own names without a table, and its groups are told", async () => {
    const { found, skipped, notes } = await read({
      "gtFine/train/a_gtFine_instanceIds.png": await valuesPng(
        [26_000, 1, 1, 5, 5],
        [24, 8, 1, 14, 5],
        [7, 20, 10, 30, 20],
        [3, 0, 25, 40, 30],
      ),
    });
    expect(found).toEqual([
      ["car", 16],
      ["road", 100],
    ]);
    expect(skipped).toEqual({ crowd: 1 });
    expect(notes).toContain("cityscapes_names");
  });

  it("has a class a value where there is nothing but labelIds", async () => {
    const { found } = await read({
      "gtFine/train/a_gtFine_labelIds.png": await valuesPng([11, 1, 1, 5, 5], [1, 20, 10, 30, 20]),
    });
    expect(found).toEqual([["building", 16]]);
  });
});

describe("KITTI's segmentation", () => {
  it("has the objects of instance/ and the names of label_colors.txt", async () => {
    const { dataset, items } = await readAll(
      await zips.zip({
        "default/image_2/a.png": await picture(1, width, height),
        "default/instance/a.png": await valuesPng(
          [257, 1, 1, 5, 5],
          [258, 8, 1, 14, 5],
          [512, 20, 10, 30, 20],
        ),
        "default/semantic/a.png": await valuesPng([1, 1, 1, 14, 5]),
        "default/semantic_rgb/a.png": await picture(2, width, height),
        "label_colors.txt": "0 0 0 background\n128 0 0 seal\n0 128 0 stamp\n",
      }),
    );
    expect(dataset.layout).toBe("kitti");
    expect(items).toHaveLength(1);
    expect(items[0]?.annotations.map(({ label, area }) => [label, area]).toSorted(byArea)).toEqual([
      ["seal", 16],
      ["seal", 24],
      ["stamp", 100],
    ]);
    expect(toldBy(dataset).skipped).toEqual({});
  });
});

const byArea = (a: readonly unknown[], b: readonly unknown[]): number => Number(a[1]) - Number(b[1]);
