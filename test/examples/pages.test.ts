import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { expect, it } from "vitest";
import { type DrawnStamp, drawPage, drawPaper } from "../../src/samples/pages.ts";
import { packPages } from "../../src/samples/zip.ts";
import { openDataset } from "../../src/datasets/read.ts";
import { areaOf, boxOf } from "../../src/imaging/geometry.ts";
import { encodeRle } from "../../src/imaging/rle.ts";

const rleOf = ({ mask }: DrawnStamp) => encodeRle(mask);

it("draws the same page from the same seed, and another from another", async () => {
  const [first, again, other] = await Promise.all([drawPage(3, 1), drawPage(3, 1), drawPage(4, 1)]);
  expect(again.jpeg.equals(first.jpeg)).toBe(true);
  expect(again.stamps.map(rleOf)).toEqual(first.stamps.map(rleOf));
  expect(other.jpeg.equals(first.jpeg)).toBe(false);
  expect(other.stamps.map(rleOf)).not.toEqual(first.stamps.map(rleOf));
});

it("has masks of exactly the inked pixels: with and without stamps, the paper differs there and nowhere else", () => {
  // Three pages in a row have every kind of stamp.
  for (const index of [0, 1, 2]) {
    const { printed, stamped, stamps, width, height } = drawPaper(7, index);
    expect(stamps.length).toBeGreaterThan(0);
    let wrong = 0;
    for (let i = 0; i < width * height; i++) {
      const differs = [0, 1, 2].some((c) => printed[3 * i + c] !== stamped[3 * i + c]);
      if (differs !== stamps.some(({ mask }) => mask.data[i] === 1)) wrong++;
    }
    expect(wrong).toBe(0);
  }
});

it("draws stamps as lines of ink, not as filled regions", () => {
  for (const index of [0, 1, 2]) {
    for (const { mask } of drawPaper(7, index).stamps) {
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
      const read = items[i]?.annotations.map(({ counts, box, label }) => ({ counts, box, label }));
      const drawn = page.stamps.map((stamp) => ({
        counts: rleOf(stamp).counts,
        box: boxOf(stamp.mask),
        label: stamp.kind,
      }));
      expect(read).toEqual(drawn);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
