import type { ExportedAnnotation, ExportedImage } from "../../../db/queries/export-rows.ts";
import { jsonSlices } from "../../../lib/json-slices.ts";
import { nameIn } from "../names.ts";
import { cutOf, ringsOf, rleOf } from "../outlines.ts";
import type { ExportedItem, ExportedPart, ExportHead } from "../types.ts";
import type { FormatContext } from "./format.ts";

/**
 * All as one COCO file; images without annotations are in it too.
 *
 * Ids are numbers from 1, oldest first; our own stand beside them as `maskwright_id`. `segmentation` is compressed RLE, or
 * polygons; `bbox` [x, y, width, height] in pixels; `box` has the very corners, which a rounded width can miss. There is
 * one category for each label, by name, and one with `unlabelled: true` for annotations without a label, as pycocotools
 * wants a category of each. `group` is the image's split group, null for none, `part` its part of the data, `known_empty`
 * whether it holds nothing: what imports this again has the same. `told` is what could not be kept as it was asked.
 */
export async function* cocoText(
  images: AsyncIterable<ExportedPart>,
  items: () => AsyncIterable<ExportedItem>,
  context: FormatContext,
): AsyncGenerator<string | Uint8Array> {
  const { head, told } = context;
  const categories = new Map(head.labels.map((label, k) => [label, k + 1]));
  const description = `Annotations of ${head.projectId}`;
  yield `{"info":${JSON.stringify({ description })},"licenses":[],"categories":[`;
  yield head.labels.map((label) => JSON.stringify(category(label, categories))).join(",");
  yield `],"images":[`;
  const numbers = new Map<string, number>();
  for await (const { image } of images) {
    numbers.set(image.id, numbers.size + 1);
    yield (numbers.size > 1 ? "," : "") + JSON.stringify(imageEntry(image, numbers.size, head));
  }
  yield `],"annotations":[`;
  let count = 0;
  for await (const item of items()) {
    for await (const annotation of item.annotations) {
      const [x0, y0, x1, y1] = annotation.box;
      const before = {
        id: ++count,
        image_id: numbers.get(item.image.id),
        category_id: categories.get(annotation.label),
      };
      const after = {
        bbox: [x0, y0, x1 - x0, y1 - y0],
        box: annotation.box,
        area: annotation.area,
        iscrowd: 0,
        maskwright_id: annotation.id,
      };
      yield `${count > 1 ? "," : ""}${JSON.stringify(before).slice(0, -1)},"segmentation":`;
      yield* segmentation(annotation, item.image, context);
      yield `,${JSON.stringify(after).slice(1)}`;
    }
  }
  yield `],"told":${JSON.stringify(told.entries)}}\n`;
}

/** As JSON, some at a time: noise has run lengths of ten megabytes. */
function* segmentation(
  annotation: ExportedAnnotation,
  image: ExportedImage,
  { options, told }: FormatContext,
): Generator<string | Uint8Array, void, undefined> {
  const { size, counts } = rleOf(annotation, image);
  if (options.shapes !== "masks") {
    const rings = ringsOf(cutOf(annotation, image), rleOf(annotation, image), options.tolerance);
    if (rings !== null) {
      yield JSON.stringify(rings);
      return;
    }
    told.count("too_many_corners_as_masks");
  }
  yield `{"size":${JSON.stringify(size)},"counts":`;
  yield* jsonSlices(counts);
  yield "}";
}

const category = (label: string | null, ids: ReadonlyMap<string | null, number>) =>
  label === null
    ? { id: ids.get(null), name: "unlabelled", unlabelled: true }
    : { id: ids.get(label), name: label };

const imageEntry = (image: ExportedImage, id: number, head: ExportHead) => ({
  id,
  file_name: nameIn(image, head),
  width: image.width,
  height: image.height,
  group: image.splitGroup,
  part: image.part,
  known_empty: image.knownEmpty,
  sha256: image.sha256,
  maskwright_id: image.id,
});
