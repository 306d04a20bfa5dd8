import { Readable } from "node:stream";
import type { Database, Executor } from "../db/client.ts";
import {
  type ExportedImage,
  pageOfAnnotations,
  pageOfImages,
  selectLabels,
  selectSharedNames,
} from "../db/queries/export-rows.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
import { spool } from "./spool.ts";
import type { ExportedFile } from "./types.ts";

/** Rows in memory at a time: a mask of many holes is some 100 KB of text. */
const imagesAtOnce = 1000;
const annotationsAtOnce = 200;

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
  for (let page = await pageOfAnnotations(tx, scope, null, annotationsAtOnce); page.length > 0;) {
    const texts = page.map((row) => {
      const [x0, y0, x1, y1] = row.box;
      return JSON.stringify({
        id: ++count,
        image_id: numbers.get(row.imageId),
        category_id: categories.get(row.label),
        segmentation: { size: [row.height, row.width], counts: row.counts },
        bbox: [x0, y0, x1 - x0, y1 - y0],
        box: row.box,
        area: row.area,
        iscrowd: 0,
        maskwright_id: row.id,
      });
    });
    yield Buffer.from((count > page.length ? "," : "") + texts.join(","));
    page = await pageOfAnnotations(tx, scope, page.at(-1) ?? null, annotationsAtOnce);
  }
  yield Buffer.from("]}\n");
}

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
  fileName !== null && !shared.has(fileName) && /\.(jpe?g|png|webp|tiff?)$/i.test(fileName)
    ? fileName
    : `${id}.${format}`;
