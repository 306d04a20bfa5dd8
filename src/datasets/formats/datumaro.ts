import type { AnnotatedImage, DrawnObject } from "../objects.ts";
import { splitOfWords, wordsOf } from "../names.ts";
import { baseStemOf } from "../paths.ts";
import { labelOf } from "../plan.ts";
import { shapeOf } from "./coco.ts";
import {
  type DocumentFormat,
  isObject,
  type Json,
  listOf,
  objectsOf,
  rings,
  sizeOf,
  textOf,
} from "./document.ts";

/**
 * Datumaro's own format: `annotations/SUBSET.json` with `items` and `categories`, images in `images/SUBSET`. Source:
 * datumaro 1.10, `plugins/data_formats/datumaro/exporter.py`.
 */
export const datumaro: DocumentFormat = {
  layout: "datumaro",
  title: "Datumaro",
  fits: (value) => isObject(value) && Array.isArray(value["items"]) && isObject(value["categories"]),
  read: (value, file) => {
    const { items, categories } = value as { items: unknown; categories: Json };
    const label = isObject(categories["label"]) ? categories["label"] : {};
    const names = objectsOf(label["labels"]).map((one) => labelOf(one["name"]));
    const split = splitOfWords(wordsOf(baseStemOf(file)));
    return objectsOf(items).map((item) => ({ ...imageOf(item, names), split }));
  },
};

function imageOf(item: Json, names: readonly (string | null)[]): AnnotatedImage {
  const image = isObject(item["image"]) ? item["image"] : {};
  const [height, width] = listOf(image["size"]);
  const given = [textOf(image["path"]), textOf(item["id"])].filter((name) => name !== null && name !== "");
  return {
    image: given as string[],
    size: sizeOf(width, height),
    objects: objectsOf(item["annotations"]).flatMap((annotation, k) => objectOf(annotation, k, names)),
  };
}

function objectOf(annotation: Json, k: number, names: readonly (string | null)[]): DrawnObject[] {
  const base = {
    id: `annotation ${labelOf(annotation["id"]) ?? k + 1}`,
    label: names[Number(annotation["label_id"])] ?? null,
  };
  const numbers = listOf(annotation["points"]).map(Number);
  switch (annotation["type"]) {
    case "polygon":
      return [{ ...base, shape: rings(numbers) }];
    case "mask": {
      const shape = shapeOf(annotation["rle"]);
      return [shape === null || shape === "none" ? { ...base, leave: "object_invalid" } : { ...base, shape }];
    }
    case "ellipse": {
      // The corners of the box round it.
      const [x0 = Number.NaN, y0 = Number.NaN, x1 = Number.NaN, y1 = Number.NaN] = numbers;
      const at = { x: (x0 + x1) / 2, y: (y0 + y1) / 2, rx: (x1 - x0) / 2, ry: (y1 - y0) / 2 };
      return [{ ...base, shape: { kind: "ellipse", ...at, angle: 0, unit: "pixels" } }];
    }
    case "bbox":
      return [{ ...base, leave: "box_only" }];
    case "label":
    case "caption":
      return [];
    default:
      return [{ ...base, leave: "shape_unsupported", detail: String(annotation["type"]) }];
  }
}
