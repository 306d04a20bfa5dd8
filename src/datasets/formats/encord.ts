import type { AnnotatedImage, DrawnObject } from "../objects.ts";
import { labelOf } from "../plan.ts";
import type { Shape } from "../shapes.ts";
import {
  type DocumentFormat,
  isObject,
  type Json,
  listOf,
  objectsOf,
  ringOf,
  sizeOf,
  textOf,
} from "./document.ts";

/**
 * Encord's label rows: polygons in shares of the image, bitmasks as run lengths along the rows,
 * packed as COCO packs them. Source: encord SDK 0.1.130,
 * `objects/bitmask.py`, `objects/coordinates.py`.
 */
export const encord: DocumentFormat = {
  layout: "encord",
  title: "Encord",
  fits: (value) => {
    const first: unknown = Array.isArray(value) ? value[0] : value;
    return isObject(first) && isObject(first["data_units"]);
  },
  read: (value) =>
    objectsOf(Array.isArray(value) ? value : [value]).flatMap((row) =>
      Object.values(isObject(row["data_units"]) ? row["data_units"] : {})
        .filter(isObject)
        .map((unit) => imageOf(unit, row)),
    ),
};

function imageOf(unit: Json, row: Json): AnnotatedImage {
  const labels = isObject(unit["labels"]) ? unit["labels"] : {};
  const size = sizeOf(unit["width"], unit["height"]);
  const names = [unit["data_title"], row["data_title"], unit["data_link"]].map(textOf);
  return {
    image: names.filter((name) => name !== null && name !== "") as string[],
    size,
    objects: objectsOf(labels["objects"]).map(objectOf),
  };
}

function objectOf(object: Json, k: number): DrawnObject {
  const base = {
    id: `object ${textOf(object["objectHash"]) ?? k + 1}`,
    label: labelOf(object["name"] ?? object["value"]),
  };
  const shape = shapeOf(object);
  if (shape) return { ...base, shape };
  if (/bounding_?box/i.test(String(object["shape"]))) return { ...base, leave: "box_only" };
  return shape === null
    ? { ...base, leave: "object_invalid" }
    : { ...base, leave: "shape_unsupported", detail: String(object["shape"]) };
}

function shapeOf(object: Json): Shape | null | undefined {
  const { polygon, polygons, bitmask } = object;
  if (object["shape"] === "bitmask") {
    const rle = isObject(bitmask) ? textOf(bitmask["rleString"]) : null;
    if (!isObject(bitmask) || rle === null) return null;
    const [width, height, left, top] = ["width", "height", "left", "top"].map((key) =>
      Number(bitmask[key] ?? 0),
    );
    return {
      kind: "rows",
      runs: rle,
      width: width as number,
      height: height as number,
      at: [left as number, top as number],
    };
  }
  if (object["shape"] !== "polygon") return undefined;
  // Several polygons with holes where there are such: [[[x, y, x, y, ...], hole, ...], ...].
  if (Array.isArray(polygons) && polygons.length > 0)
    return {
      kind: "holed",
      parts: polygons.map((part) => listOf(part).map((ring) => listOf(ring).map(Number))),
      unit: "shares",
    };
  const points = isObject(polygon) ? Object.values(polygon) : polygon;
  return { kind: "rings", rings: [ringOf(points)], unit: "shares" };
}
