import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { decodeRle } from "../../src/imaging/rle.ts";
import { maskPng, picture, readAll, toldBy, useZips } from "./zips.ts";

const zips = useZips();
const [width, height] = [12, 8];
const fixture = (name: string): Promise<Buffer> => readFile(join(import.meta.dirname, "fixtures", name));
const image = await picture(1, width, height);

/** Foreground of [x0, y0, x1, y1]. */
const boxes = (masks: readonly { counts: string; area: number; box: readonly number[] }[]) =>
  masks.map(({ counts, area, box }) => {
    const { data } = decodeRle({ format: "rle", size: [height, width], counts });
    expect(data.reduce((a, b) => a + b, 0)).toBe(area);
    return [...box];
  });

// Written by NumPy 2.4, and by it as NumPy 1 had it: protocol 3, columns first, 32 bits.
it.each(["cellpose_seg.npy", "cellpose-numpy1_seg.npy"])(
  "reads the masks of %s, an object a number",
  async (name) => {
    const { dataset, items } = await readAll(
      await zips.zip({ "a.png": image, "a_seg.npy": await fixture(name), "a_flows.tif": Buffer.from("II*") }),
    );
    expect(dataset.layout).toBe("cellpose");
    expect(boxes(items[0]?.annotations ?? [])).toEqual([
      [2, 1, 5, 4],
      [6, 5, 12, 8],
    ]);
  },
);

it("leaves it to the masks beside it, where Cellpose saved such", async () => {
  const zip = await zips.zip({
    "a.png": image,
    "a_seg.npy": await fixture("cellpose_seg.npy"),
    "a_cp_masks.png": await maskPng([1, 1, 4, 4]),
  });
  const { dataset, items } = await readAll(zip);
  expect(boxes(items[0]?.annotations ?? [])).toEqual([[1, 1, 4, 4]]);
  expect(toldBy(dataset).skipped).toEqual({});
});

it("runs nothing of a pickle, and tells what is no array", async () => {
  const head = (await fixture("cellpose_seg.npy")).subarray(0, 128);
  const evil = Buffer.concat([head, Buffer.from("cos\nsystem\nX\x04\x00\x00\x00true\x85R.", "latin1")]);
  const files = {
    "a.png": image,
    "b.png": await picture(2, width, height),
    "b_seg.npy": await fixture("cellpose_seg.npy"),
  };
  const { dataset, items, report } = await readAll(await zips.zip({ ...files, "a_seg.npy": evil }));
  expect(items.map(({ annotations }) => annotations.length)).toEqual([0, 2]);
  expect(toldBy(dataset).skipped).toEqual({ mask_unreadable: 1 });
  expect(report).toMatchObject([
    { file: "a_seg.npy", detail: "NumPy's file has something else than an array there" },
  ]);
  const cut = (await fixture("cellpose_seg.npy")).subarray(0, 600);
  const { report: second } = await readAll(await zips.zip({ ...files, "a_seg.npy": cut }));
  expect(second).toMatchObject([{ detail: "NumPy's file ends in the middle of a value" }]);
});
