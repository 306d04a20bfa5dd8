import { buffer } from "node:stream/consumers";
import { Readable } from "node:stream";
import sharp from "sharp";
import { ZipFile } from "yazl";
import { seededRandom } from "../../../src/lib/random.ts";
import type { Row } from "../types.ts";
import { type Entries, listBy, listOf, MB, once, zipOf } from "./make.ts";

/** A zip that is imported, each into a project of its own. */
const imported = (
  name: string,
  zip: () => Promise<Buffer>,
  more: Pick<Row, "alone" | "single"> = {},
): Row => ({
  kind: "data set",
  name,
  ...more,
  make: async (world) => {
    const body = await zip();
    return (place) => ({
      path: `/v1/projects/${world.project(place)}/imports`,
      type: "application/zip",
      body,
      job: "import",
    });
  },
});

const text = (value: string): Buffer => Buffer.from(value);

/** A small picture of noise. */
const picture = once(async () => {
  const random = seededRandom(5);
  const raw = { width: 64, height: 64, channels: 3 } as const;
  return sharp(Buffer.from(Array.from({ length: 64 * 64 * 3 }, () => random.below(256))), { raw })
    .png()
    .toBuffer();
});

/** 2 MB that no compression makes smaller. */
const ballast = once(() => {
  const random = seededRandom(6);
  return Buffer.from(Array.from({ length: 2 * MB }, () => random.below(256)));
});

const blank = (width: number, height: number): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 3, background: "#ffffff" }, limitInputPixels: false })
    .toColourspace("b-w")
    .png()
    .toBuffer();

const withPicture = async (...more: Entries): Promise<Buffer> =>
  zipOf([["images/a.png", await picture()], ...more]);

/** A COCO file: its one image, one category, and these annotations. */
const coco = (annotations: Buffer): Buffer =>
  Buffer.concat([
    text(
      '{"images":[{"id":1,"file_name":"a.png","width":64,"height":64}],"categories":[{"id":1,"name":"a"}],"annotations":',
    ),
    annotations,
    text("}"),
  ]);

const square = "[10,10,30,10,30,30]";
const annotated = (segmentation: string): string =>
  `{"image_id":1,"category_id":1,"segmentation":${segmentation}}`;

const yolo = async (labels: Buffer, names = "names: [a]\n", more: Entries = []): Promise<Buffer> =>
  withPicture(["labels/a.txt", labels], ["data.yaml", text(names)], ...more);

const emptyLists = (bytes: number): Promise<Buffer> =>
  withPicture(["annotations.json", coco(listOf(bytes, "[]"))], ["images/b.bin.png", ballast()]);

/** 200 pictures with 1000 outlines of 512 corners each: 1 GB of JSON, as large sets of fine outlines have it. */
async function gigabyte(): Promise<Buffer> {
  const [images, each, corners] = [200, 1000, 512];
  const tiny = await picture();
  const outlines = Array.from({ length: 16 }, (_, i) =>
    Array.from({ length: corners }, (__, k) => {
      const angle = (2 * Math.PI * k) / corners;
      return `${(20 + i + 18 * Math.cos(angle)).toFixed(1)},${(20 + i + 18 * Math.sin(angle)).toFixed(1)}`;
    }).join(","),
  );
  function* content(): Generator<Buffer> {
    const named = Array.from(
      { length: images },
      (_, i) => `{"id":${i},"file_name":"${i}.png","width":64,"height":64}`,
    );
    yield text(
      `{"images":[${named.join(",")}],"categories":[{"id":1,"name":"a"}],"annotations":[{"image_id":0,"category_id":1,"segmentation":[${square}]}`,
    );
    for (let i = 0; i < images; i++) {
      const one = (k: number): string =>
        `,{"image_id":${i},"category_id":1,"segmentation":[[${outlines[k % outlines.length]}]]}`;
      yield text(Array.from({ length: each }, (_, k) => one(k)).join(""));
    }
    yield text("]}");
  }
  const zip = new ZipFile();
  for (let i = 0; i < images; i++)
    zip.addBuffer(Buffer.concat([tiny, Buffer.from([i])]), `images/${i}.png`, { compress: false });
  zip.addReadStream(Readable.from(content()), "annotations.json");
  zip.end();
  return buffer(zip.outputStream);
}

export const dataSets: readonly Row[] = [
  imported("a zip of 2 MB whose `annotations.json` is 60 MB of empty lists", () => emptyLists(60 * MB)),
  imported("the same, 240 MB of JSON", () => emptyLists(240 * MB)),
  imported("a COCO file of 1 GB", gigabyte, { alone: true, single: true }),
  imported("a `data.yaml` of 20,000 classes", () =>
    yolo(
      text("0 .1 .1 .5 .1 .5 .5\n"),
      `names:\n${Array.from({ length: 20_000 }, (_, i) => `  - class ${i}\n`).join("")}`,
    ),
  ),
  imported("a zip of 20,000 mask names", async () => {
    const mask = await blank(64, 64);
    return withPicture(...Array.from({ length: 20_000 }, (_, i) => [`masks/a__${i}.png`, mask] as const));
  }),
  imported("a COCO file of 300,000 annotations", () =>
    withPicture(["annotations.json", coco(listOf(24 * MB, annotated(`[${square}]`)))]),
  ),
  imported("a COCO file of a polygon of 10,000,000 numbers", () =>
    withPicture([
      "annotations.json",
      coco(listOf(30 * MB, "9,31,5", `[${annotated("[[").slice(0, -1)}`, "]]}]")),
    ]),
  ),
  imported("a COCO file of 1,000,000 polygons of one object", () =>
    withPicture([
      "annotations.json",
      coco(listOf(20 * MB, square, `[${annotated("[").slice(0, -1)}`, "]}]")),
    ]),
  ),
  imported("a COCO file of 30,000,000 uncompressed runs", () =>
    withPicture([
      "annotations.json",
      coco(listOf(60 * MB, "0", `[${annotated('{"size":[64,64],"counts":[').slice(0, -1)}`, "]}}]")),
    ]),
  ),
  imported("a COCO file of 1,000,000 categories", () =>
    withPicture([
      "annotations.json",
      listBy(
        1_000_000,
        (i) => `{"id":${i},"name":"c${i}"}`,
        '{"images":[],"annotations":[],"categories":[',
        "]}",
      ),
    ]),
  ),
  imported("a COCO file of 1,000,000 images that the zip lacks", () =>
    withPicture([
      "annotations.json",
      listBy(1_000_000, (i) => `{"id":${i},"file_name":"b${i}.png"}`, '{"annotations":[],"images":[', "]}"),
    ]),
  ),
  imported("a COCO file of 60 MB of keys that nobody knows", () =>
    withPicture([
      "annotations.json",
      listBy(4_000_000, (i) => `"k${i}":1`, '{"images":[],"annotations":[],"info":{', "}}"),
    ]),
  ),
  imported("a COCO file of lists in one another, 20,000,000 deep", () =>
    withPicture(["annotations.json", coco(text("[".repeat(20 * MB) + "]".repeat(20 * MB)))]),
  ),
  imported("a COCO file of a text of 200 MB", () =>
    withPicture(
      ["annotations.json", text(`{"images":[],"annotations":[],"info":"${"a".repeat(200 * MB)}"}`)],
      ["images/b.bin.png", ballast()],
    ),
  ),
  imported("a Label Studio export of 1,000,000 empty tasks", () =>
    withPicture(["annotations.json", listOf(60 * MB, '{"data":{},"annotations":[]}')]),
  ),
  imported("a Label Studio brush of 20,000,000 bytes", () =>
    withPicture([
      "annotations.json",
      listOf(
        40 * MB,
        "7",
        '[{"data":{"image":"a.png"},"annotations":[{"result":[{"type":"brush","original_width":64,"original_height":64,"value":{"format":"rle","rle":[',
        "]}}]}]}]",
      ),
    ]),
  ),
  imported("a `groups.json` of 2,000,000 names", () =>
    withPicture(["groups.json", listBy(2_000_000, (i) => `"s${i}":"g"`, "{", "}")]),
  ),
  imported("a `groups.csv` of 60 MB", () => withPicture(["groups.csv", Buffer.alloc(60 * MB, "a,g\n")])),
  imported("YOLO labels of 300,000 lines", () => yolo(Buffer.alloc(300_000 * 20, "0 .1 .1 .5 .1 .5 .5\n"))),
  imported("a YOLO line of 5,000,000 corners", () =>
    yolo(Buffer.concat([text("0"), Buffer.alloc(30 * MB, " .1 .9")])),
  ),
  imported("a `data.yaml` of 1 MB of one name", () =>
    yolo(text("0 .1 .1 .5 .1 .5 .5\n"), `names: [${"a".repeat(MB - 100)}]\n`),
  ),
  imported("a `data.yaml` of 60,000 keys that nobody knows", () =>
    yolo(
      text("0 .1 .1 .5 .1 .5 .5\n"),
      `names: [a]\n${Array.from({ length: 60_000 }, (_, i) => `k${i}: 1\n`).join("")}`,
    ),
  ),
  imported("20,000 files of YOLO labels", async () => {
    const tiny = await picture();
    const pairs = Array.from({ length: 10_000 }, (_, i) => [
      [`images/${i}.png`, tiny] as const,
      [`labels/${i}.txt`, text("0 .1 .1 .5 .1 .5 .5\n")] as const,
    ]);
    return zipOf([["data.yaml", text("names: [a]\n")], ...pairs.flat()], false);
  }),
  imported("a zip of 240,000 empty files", () =>
    zipOf(
      Array.from({ length: 240_000 }, (_, i) => [`images/${i}.png`, Buffer.alloc(0)] as const),
      false,
    ),
  ),
  imported("a zip of 260,000 empty files", () =>
    zipOf(
      Array.from({ length: 260_000 }, (_, i) => [`images/${i}.png`, Buffer.alloc(0)] as const),
      false,
    ),
  ),
  imported("a zip of 20,000 files, each 450 folders deep", async () => {
    const deep = "d/".repeat(450);
    return withPicture(
      ...Array.from({ length: 20_000 }, (_, i) => [`images/${deep}${i}.txt`, Buffer.alloc(0)] as const),
    );
  }),
  imported("a mask of 20000 x 20000 for a picture of 64 x 64", async () =>
    withPicture(["masks/a.png", await blank(20_000, 20_000)]),
  ),
  imported("20 masks of 8000 x 8000", async () => {
    const [image, mask] = [await blank(8000, 8000), await blank(8000, 8000)];
    const masks = Array.from({ length: 20 }, (_, i) => [`masks/b__${i}.png`, mask] as const);
    return zipOf([["images/b.png", image], ...masks], false);
  }),
  imported("20 pictures of 7000 x 7000", async () =>
    zipOf(
      await Promise.all(
        Array.from(
          { length: 20 },
          async (_, i) => [`images/b${i}.png`, await blank(7000, 6900 + i)] as const,
        ),
      ),
      false,
    ),
  ),
  imported("a file of 250 MB of zeros that is called a picture", () =>
    withPicture(["images/b.png", Buffer.alloc(250 * MB)], ["images/b.bin.png", ballast()]),
  ),
  imported("a zip without its end", async () => (await emptyLists(30 * MB)).subarray(0, -100)),
  imported("30 MB of noise that is called a zip", async () =>
    Promise.resolve(Buffer.alloc(30 * MB, ballast())),
  ),
];
