import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { maskPng, problemOf, readAll, useZips } from "./zips.ts";

/** HEIC, JPEG 2000 and DICOM files among masks, by their names. */
const zips = useZips();
const scene = (name: string): Promise<Buffer> =>
  readFile(new URL(`../imaging/fixtures/pictures/${name}`, import.meta.url));
const mask = (): Promise<Buffer> => maskPng([20, 10, 50, 30], { width: 64, height: 48 });

it("matches a mask that is called after its whole file, and makes no label of the ending", async () => {
  const { items } = await readAll(
    await zips.zip({
      "images/a.dcm": await scene("window.dcm"),
      "images/b.heic": await scene("colours.heic"),
      "masks/a.dcm.png": await mask(),
      "masks/b.heic.png": await mask(),
    }),
  );
  expect(items.map(({ annotations }) => annotations.map(({ label, area }) => [label, area]))).toEqual([
    [[null, 600]],
    [[null, 600]],
  ]);
});

it("takes the PNG beside a scan of the same name for its mask", async () => {
  const { items } = await readAll(
    await zips.zip({
      "a.dcm": await scene("window.dcm"),
      "a.png": await mask(),
      "b.jp2": await scene("colours.jp2"),
      "b.png": await mask(),
      "c.heic": await scene("colours.heic"),
      "c.png": await mask(),
    }),
  );
  expect(items.map(({ fileName, annotations }) => [fileName, annotations[0]?.area])).toEqual([
    ["a.dcm", 600],
    ["b.jp2", 600],
    ["c.heic", 600],
  ]);
});

it("tells what a DICOM file has to be called", async () => {
  const { message } = await problemOf(await zips.zip({ IM000001: await scene("window.dcm") }));
  expect(message).toContain("names of DICOM files have to end in .dcm");
});
