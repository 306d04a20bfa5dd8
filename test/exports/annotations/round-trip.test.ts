import { beforeAll, describe, expect, it } from "vitest";
import type { DatasetItem } from "../../../src/datasets/types.ts";
import type { ExportedAnnotation, ExportedImage } from "../../../src/db/queries/export-rows.ts";
import {
  type AnnotationFormat,
  annotationFormats,
  shapesOf,
} from "../../../src/exports/annotations/types.ts";
import { rleIou } from "../../../src/imaging/mask-facts.ts";
import type { BinaryMask } from "../../../src/imaging/types.ts";
import { seededRandom } from "../../../src/lib/random.ts";
import { type Files, picture, readAll, toldBy, useZips } from "../../datasets/zips.ts";
import { filesOf } from "../../helpers/unzip.ts";
import { annotationRow, imageRow, written } from "./written.ts";

const zips = useZips();
const [width, height] = [64, 48];

/** 1 where `inside` says so. */
function drawn(inside: (x: number, y: number) => boolean, [w, h] = [width, height] as const): BinaryMask {
  const data = new Uint8Array(w * h);
  for (let i = 0; i < data.length; i++) data[i] = inside(i % w, Math.floor(i / w)) ? 1 : 0;
  return { width: w, height: h, data };
}

const disc = (cx: number, cy: number, r: number) => (x: number, y: number) =>
  (x - cx) ** 2 + (y - cy) ** 2 <= r * r;
/** A ring with an island in its hole, and a part elsewhere. */
const target = drawn(
  (x, y) =>
    (disc(20, 20, 15)(x, y) && !disc(20, 20, 9)(x, y)) || disc(20, 20, 4)(x, y) || disc(55, 40, 5)(x, y),
);
const corner = drawn((x, y) => x > 58 && y > 30 - x / 8 && y < 34);
const edge = drawn((x, y) => y === 47 || (x === 63 && y > 40 && y % 2 === 1));
const noise = ((random) => drawn((x, y) => x > 40 && y < 20 && random.below(3) === 0))(seededRandom(5));

interface Row {
  readonly image: ExportedImage;
  readonly annotations: readonly ExportedAnnotation[];
}
const size = [width, height] as const;
const rows: readonly Row[] = [
  {
    image: imageRow("page one/a.png", size, { splitGroup: 'the "first", of all', part: "train" }),
    annotations: [annotationRow(target, "round stamp"), annotationRow(corner, "seal & <sign>")],
  },
  {
    image: imageRow("b.png", size, { part: "test" }),
    annotations: [annotationRow(edge, null), annotationRow(noise, "noise")],
  },
  { image: imageRow("nothing.png", size, { knownEmpty: true }), annotations: [] },
  { image: imageRow("nobody looked.png", size), annotations: [] },
];

const pictures: Record<string, Buffer> = {};
beforeAll(async () => {
  for (const [i, { image }] of rows.entries())
    pictures[image.fileName as string] = await picture(i, width, height);
});

/** As a user zips it: what was exported, with the images under their names. */
async function imported(exported: Buffer, format: AnnotationFormat, more: Files = {}) {
  const files = format === "coco" ? new Map([["annotations.json", exported]]) : await filesOf(exported);
  return readAll(await zips.zip({ ...pictures, ...more, ...Object.fromEntries(files) }));
}

const factsOf = (items: readonly DatasetItem[]) =>
  items.map(({ fileName, splitGroup, background, annotations }) => ({
    fileName,
    splitGroup,
    background,
    masks: annotations.map(({ counts, area, label }) => ({ counts, area, label })).sort(byCounts),
  }));
const byCounts = (a: { counts: string }, b: { counts: string }): number => (a.counts < b.counts ? -1 : 1);
const wanted = rows
  .map(({ image, annotations }) => ({
    fileName: image.fileName,
    splitGroup: image.splitGroup,
    background: image.knownEmpty,
    masks: annotations.map(({ counts, area, label }) => ({ counts, area, label })).sort(byCounts),
  }))
  .sort((a, b) => ((a.fileName as string) < (b.fileName as string) ? -1 : 1));

const notesOf = async (zip: Buffer) =>
  JSON.parse(String((await filesOf(zip)).get("maskwright.json"))) as {
    unlabelled: string | null;
    images: number;
    annotations: number;
    told: { code: string; count: number }[];
  };
const toldIn = async (zip: Buffer): Promise<Record<string, number>> =>
  Object.fromEntries((await notesOf(zip)).told.map(({ code, count }) => [code, count]));

const every = annotationFormats.flatMap((format) => shapesOf[format].map((shapes) => ({ format, shapes })));

describe("what goes out comes in again as the same", () => {
  it.each(every)("$format, $shapes", async ({ format, shapes }) => {
    const exported = await written(rows, format, { shapes });
    const { dataset, items } = await imported(exported, format);
    expect(factsOf(items)).toEqual(wanted);
    expect(toldBy(dataset).skipped).toEqual({});
    expect(await written(rows, format, { shapes })).toEqual(exported);
  });

  it("parts of the data where the format has them", async () => {
    for (const format of ["coco", "cvat", "voc"] as const) {
      const { items } = await imported(await written(rows, format), format);
      expect(items.map(({ fileName, split }) => [fileName, split])).toEqual([
        ["b.png", "test"],
        ["nobody looked.png", null],
        ["nothing.png", null],
        ["page one/a.png", "train"],
      ]);
    }
    expect(await toldIn(await written(rows, "labelme"))).toMatchObject({ parts: 2 });
  });
});

describe("what a format can't carry is told", () => {
  it("in maskwright.json", async () => {
    const own = { ...rows[0], annotations: [annotationRow(target, "a", [1.5, 2, 60, 46])] } as Row;
    const told = await toldIn(await written([own, ...rows.slice(1)], "yolo"));
    expect(told).toEqual({ boxes: 1, parts_joined: 3, unlabelled: 1, images_unannotated: 1 });
    expect(await notesOf(await written(rows, "yolo"))).toMatchObject({
      unlabelled: "object",
      images: 4,
      annotations: 4,
    });
  });

  it("objects beneath others, where a pixel has one owner", async () => {
    const image = imageRow("b.png", size);
    const large = drawn(disc(30, 24, 20));
    const small = drawn(disc(36, 24, 6));
    const hidden = drawn(disc(36, 24, 5));
    const annotations = [annotationRow(small, "s"), annotationRow(large, "l"), annotationRow(hidden, "h")];
    const exported = await written([{ image, annotations }], "voc");
    expect(await toldIn(exported)).toEqual({ overlaps: 2 });
    const { items } = await imported(exported, "voc");
    const labels = items[0]?.annotations.map(({ label, area }) => [label, area]);
    const area = (k: number): number => annotations[k]?.area as number;
    expect(labels).toEqual([
      ["s", area(0) - area(2)],
      ["l", area(1) - area(0)],
      ["h", area(2)],
    ]);
    const same = annotationRow(small, "twin");
    expect(
      await toldIn(
        await written([{ image, annotations: [annotations[0] as ExportedAnnotation, same] }], "voc"),
      ),
    ).toEqual({ covered: 1 });
  });

  it("labels that a format's file would break on", async () => {
    const image = imageRow("b.png", size);
    const annotations = [
      annotationRow(corner, "a:b"),
      annotationRow(edge, "a b"),
      annotationRow(noise, "object"),
      annotationRow(target, null),
    ];
    const exported = await written([{ image, annotations }], "voc");
    expect(await toldIn(exported)).toMatchObject({ labels_changed: 1, unlabelled: 1 });
    expect(
      String((await filesOf(exported)).get("labelmap.txt"))
        .split("\n")
        .slice(2),
    ).toEqual(["a b:128,0,0::", "a b 2:0,128,0::", "object:128,128,0::", "object 2:0,0,128::", ""]);
  });
});

it("calls images by their ids where a file beside them would have two owners, or leave its folder", async () => {
  const images = ["a.png", "A.jpg", "../b.png", "c:\\d.png", "e"].map((name) => imageRow(name, size));
  const given = images.map((image) => ({ image, annotations: [annotationRow(corner, "x")] }));
  const exported = await written(given, "labelme");
  const ids = images.map(({ id }) => `${id}.json`).sort();
  expect([...(await filesOf(exported)).keys()].filter((name) => name.startsWith("img_")).sort()).toEqual(ids);
  expect(await toldIn(exported)).toEqual({ images_renamed: 5 });
});

it("numbers more objects than a byte has, and passes over the number of VOC's border", async () => {
  const image = imageRow("b.png", size);
  const annotations = Array.from({ length: 300 }, (_, k) =>
    annotationRow(
      drawn((x, y) => Math.floor(y / 2) * 32 + Math.floor(x / 2) === k),
      `class ${k % 3}`,
    ),
  );
  const { items } = await imported(await written([{ image, annotations }], "voc"), "voc");
  const masks = (some: readonly { counts: string; label: string | null }[]) =>
    some.map(({ counts, label }) => `${counts} ${label}`).sort();
  expect(masks(items[0]?.annotations ?? [])).toEqual(masks(annotations));
});

it("a tolerance takes corners away, as many as leave an IoU of .99", async () => {
  const image = imageRow("wide.png", [400, 300]);
  const wide = annotationRow(drawn(disc(200, 150, 140), [400, 300]), "x");
  const exact = await written([{ image, annotations: [wide] }], "coco", { shapes: "polygons" });
  const loose = await written([{ image, annotations: [wide] }], "coco", { shapes: "polygons", tolerance: 8 });
  expect(loose.length).toBeLessThan(exact.length / 3);
  const { items } = await imported(loose, "coco", { "wide.png": await picture(9, 400, 300) });
  const { counts } = items.find(({ annotations }) => annotations.length > 0)?.annotations[0] ?? wide;
  const rle = (text: string) => ({
    format: "rle" as const,
    size: [300, 400] as [number, number],
    counts: text,
  });
  expect(rleIou(rle(counts), rle(wide.counts))).toBeGreaterThanOrEqual(0.99);
  expect(counts).not.toBe(wide.counts);
});
