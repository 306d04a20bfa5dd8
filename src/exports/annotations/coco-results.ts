import type { Box, RleMask } from "../../imaging/types.ts";

/** An object as a version has found it. */
export interface FoundResult {
  readonly mask: RleMask;
  /** [x0, y0, x1, y1] in pixels of the image. */
  readonly bbox: Box;
  readonly label: string | null;
  readonly labelScore: number;
  /** The decoder's IoU prediction. */
  readonly score: number;
}

/** What was found on one image, whose `number` is its id in the COCO file of the annotations. */
export interface ImageResults {
  readonly number: number;
  readonly objects: readonly FoundResult[];
}

/**
 * Ids of categories as the COCO file of the same annotations has them; labels of the version that no annotation has come
 * after those.
 * @param labels of the annotations, in that file's order
 */
export const categoryIds = (
  labels: readonly (string | null)[],
  known: readonly (string | null)[],
): ReadonlyMap<string | null, number> =>
  new Map([...new Set([...labels, ...known])].map((label, i) => [label, i + 1]));

/** A COCO results file, a row a line, an image after the other. `label` and `iou_prediction` are not part of COCO. */
export async function* cocoResults(
  images: AsyncIterable<ImageResults>,
  categories: ReadonlyMap<string | null, number>,
): AsyncGenerator<string, void, undefined> {
  let before = "[\n";
  for await (const { number, objects } of images) {
    for (const { mask, bbox, label, labelScore, score } of objects) {
      const [x0, y0, x1, y1] = bbox;
      const { format: _, ...segmentation } = mask;
      const row = {
        image_id: number,
        category_id: categories.get(label),
        segmentation,
        bbox: [x0, y0, x1 - x0, y1 - y0],
        score: labelScore,
        label,
        iou_prediction: score,
      };
      yield before + JSON.stringify(row);
      before = ",\n";
    }
  }
  yield before === "[\n" ? "[]\n" : "\n]\n";
}
