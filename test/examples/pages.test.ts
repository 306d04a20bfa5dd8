import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { expect, it } from "vitest";
import { drawPage, drawPaper } from "../../examples/demo/pages.ts";
import { packPages } from "../../examples/demo/zip.ts";
import { openDataset } from "../../src/datasets/read.ts";
import { areaOf, boxOf } from "../../src/imaging/geometry.ts";
import { encodeRle } from "../../src/imaging/rle.ts";

it("draws the same page from the same seed, and another from another", async () => {
  const [first, again, other] = await Promise.all([drawPage(3, 1), drawPage(3, 1), drawPage(4, 1)]);
  expect(again.jpeg.equals(first.jpeg)).toBe(true);
  expect(again.masks.map(encodeRle)).toEqual(first.masks.map(encodeRle));
  expect(other.jpeg.equals(first.jpeg)).toBe(false);
  expect(other.masks.map(encodeRle)).not.toEqual(first.masks.map(encodeRle));
});

it("has masks of exactly the inked pixels: with and without stamps, the paper differs there and nowhere else", () => {
  // Three pages in a row have every kind of stamp.
  for (const index of [0, 1, 2]) {
    const { printed, stamped, masks, width, height } = drawPaper(7, index);
    expect(masks.length).toBeGreaterThan(0);
    let wrong = 0;
    for (let i = 0; i < width * height; i++) {
      const differs = [0, 1, 2].some((c) => printed[3 * i + c] !== stamped[3 * i + c]);
      if (differs !== masks.some((mask) => mask.data[i] === 1)) wrong++;
    }
    expect(wrong).toBe(0);
  }
});

it("draws stamps as lines of ink, not as filled regions", () => {
  for (const index of [0, 1, 2]) {
    for (const mask of drawPaper(7, index).masks) {
      const [x0, y0, x1, y1] = boxOf(mask);
      const share = areaOf(mask) / ((x1 - x0) * (y1 - y0));
      expect(share).toBeGreaterThan(0.08);
      expect(share).toBeLessThan(0.5);
    }
  }
});

it("packs a zip that the importer reads back, mask for mask", async () => {
  const pages = [await drawPage(7, 1), await drawPage(7, 3)];
  const folder = await mkdtemp(join(tmpdir(), "maskwright-pages-"));
  try {
    await writeFile(join(folder, "pages.zip"), await packPages(pages));
    const dataset = await openDataset(join(folder, "pages.zip"), {
      inspect: async (bytes) => {
        const { width, height } = await sharp(bytes).metadata();
        return { width, height, format: "jpeg" };
      },
    });
    const items = [];
    for await (const item of dataset.items()) items.push(item);
    await dataset.close();
    expect(items.map((item) => item.fileName)).toEqual(["images/page-02.jpg", "images/page-04.jpg"]);
    for (const [i, page] of pages.entries()) {
      expect(items[i]?.bytes.equals(page.jpeg)).toBe(true);
      expect(items[i]?.annotations.map((one) => one.counts)).toEqual(
        page.masks.map((mask) => encodeRle(mask).counts),
      );
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
