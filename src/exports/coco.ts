import { Readable } from "node:stream";
import type { Database, Executor } from "../db/client.ts";
import {
  annotationPages,
  type ExportedImage,
  pageOfImages,
  selectLabels,
  selectSharedNames,
} from "../db/queries/export-rows.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
import { jsonSlices } from "../lib/json-slices.ts";
import { spool } from "./spool.ts";
import type { ExportedFile } from "./types.ts";

/** Rows in memory at a time. */
const imagesAtOnce = 1000;
/** A mask of many holes is some 100 KB of text, one of noise 10 MB. */
const atOnce = { rows: 200, bytes: 4 * 1024 * 1024 } as const;
/** What making the file takes: a page from the database, and one mask of as many bytes as a request brings. */
export const cocoBytes = 64 * 1024 * 1024;
/** Masks up to this are written with their row. */
const inlineCounts = 128 * 1024;

/**
 * A project's images and annotations as one COCO file, all of one moment. Images without annotations are in it too.
 *
 * Ids are numbers from 1, oldest first; our own stand beside them as `maskwright_id`. `segmentation` is compressed RLE,
 * `bbox` [x, y, width, height] in pixels; `box` has the very corners, which a rounded width can miss. There is one category for each label, by name, and one with
 * `unlabelled: true` for annotations without a label, as pycocotools wants a category of each. `group` is the image's
 * split group, null for none: what imports this again splits the same. It goes through a temporary file, so that a slow
 * reader holds no transaction open.
 */
export async function exportCoco(db: Database, scope: ProjectScope): Promise<ExportedFile> {
  const { bytes, sha256, content } = await db.transaction(
    (tx) => spool(Readable.from(cocoText(tx, scope), { objectMode: false })),
    { isolationLevel: "repeatable read", accessMode: "read only" },
  );
  const fileName = `${scope.projectId}-annotations.json`;
  return { fileName, contentType: "application/json", bytes, sha256, content };
}

async function* cocoText(tx: Executor, scope: ProjectScope): AsyncGenerator<Buffer> {
  const labels = await selectLabels(tx, scope);
  const categories = new Map(labels.map((label, k) => [label, k + 1]));
  const description = `Annotations of ${scope.projectId}`;
  yield Buffer.from(`{"info":${JSON.stringify({ description })},"licenses":[],"categories":[`);
  yield Buffer.from(labels.map((label) => JSON.stringify(category(label, categories))).join(","));
  yield Buffer.from(`],"images":[`);
  const numbers = new Map<string, number>();
  const shared = await selectSharedNames(tx, scope);
  for (let page = await pageOfImages(tx, scope, null, imagesAtOnce); page.length > 0;) {
    const texts = page.map((image) => {
      numbers.set(image.id, numbers.size + 1);
      return JSON.stringify(imageEntry(image, numbers.size, shared));
    });
    yield Buffer.from((numbers.size > page.length ? "," : "") + texts.join(","));
    page = await pageOfImages(tx, scope, page.at(-1) ?? null, imagesAtOnce);
  }
  yield Buffer.from(`],"annotations":[`);
  let count = 0;
  for await (const page of annotationPages(tx, scope, atOnce)) {
    let text = "";
    for (const row of page) {
      const [x0, y0, x1, y1] = row.box;
      const { counts } = row;
      const isLong = counts.length > inlineCounts;
      const entry = JSON.stringify({
        id: ++count,
        image_id: numbers.get(row.imageId),
        category_id: categories.get(row.label),
        segmentation: { size: [row.height, row.width], counts: isLong ? later : counts },
        bbox: [x0, y0, x1 - x0, y1 - y0],
        box: row.box,
        area: row.area,
        iscrowd: 0,
        maskwright_id: row.id,
      });
      text += count > 1 ? "," : "";
      if (!isLong) {
        text += entry;
        continue;
      }
      const [before = "", after = ""] = entry.split(JSON.stringify(later));
      yield Buffer.from(text + before);
      yield* jsonSlices(counts);
      text = after;
    }
    yield Buffer.from(text);
  }
  yield Buffer.from("]}\n");
}

/** No text of ours has it. */
const later = "\u0000";

const category = (label: string | null, ids: ReadonlyMap<string | null, number>) =>
  label === null
    ? { id: ids.get(null), name: "unlabelled", unlabelled: true }
    : { id: ids.get(label), name: label };

const imageEntry = (image: ExportedImage, id: number, shared: ReadonlySet<string>) => ({
  id,
  file_name: fileNameOf(image, shared),
  width: image.width,
  height: image.height,
  group: image.splitGroup,
  sha256: image.sha256,
  maskwright_id: image.id,
});

/** Its own where no other image has it and it ends like an image's; else the id, which is one of a kind. */
const fileNameOf = ({ id, fileName, format }: ExportedImage, shared: ReadonlySet<string>): string =>
  fileName !== null && !shared.has(fileName) && /\.(jpe?g|jfif|png|webp|tiff?|bmp|gif|avif)$/i.test(fileName)
    ? fileName
    : `${id}.${format}`;
