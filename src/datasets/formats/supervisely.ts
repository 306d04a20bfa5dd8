import type { DrawnObject } from "../objects.ts";
import { baseOf } from "../paths.ts";
import { labelOf } from "../plan.ts";
import {
  type DocumentFormat,
  isObject,
  type Json,
  objectsOf,
  ringOf,
  rings,
  sizeOf,
  textOf,
} from "./document.ts";

/**
 * Supervisely's project: `meta.json`, `DATASET/img/x.png`, `DATASET/ann/x.png.json`. Bitmaps and polygons with holes are
 * the objects. Source: supervisely SDK 6.73, `annotation/annotation.py`, `geometry/bitmap.py`.
 */
export const supervisely: DocumentFormat = {
  layout: "supervisely",
  title: "Supervisely",
  fits: (value) =>
    isObject(value) &&
    ((isObject(value["size"]) && Array.isArray(value["objects"])) ||
      (Array.isArray(value["classes"]) && "tags" in value)),
  read: (value, file) => {
    const { size, objects } = value as Json;
    if (!isObject(size)) return null;
    return [
      {
        image: baseOf(file).replace(/\.json$/i, ""),
        size: sizeOf(size["width"], size["height"]),
        objects: objectsOf(objects).map(objectOf),
      },
    ];
  },
};

function objectOf(object: Json, k: number): DrawnObject {
  const base = { id: `object ${labelOf(object["id"]) ?? k + 1}`, label: labelOf(object["classTitle"]) };
  const points = isObject(object["points"]) ? object["points"] : {};
  switch (object["geometryType"] ?? object["geometry_type"]) {
    case "bitmap": {
      const bitmap = isObject(object["bitmap"]) ? object["bitmap"] : {};
      const data = textOf(bitmap["data"]);
      const [x, y] = Array.isArray(bitmap["origin"]) ? bitmap["origin"].map(Number) : [0, 0];
      if (data === null) return { ...base, leave: "object_invalid", detail: "its bitmap has no data" };
      return { ...base, shape: { kind: "bitmap", data, zlib: true, at: [x ?? 0, y ?? 0] } };
    }
    case "polygon": {
      const holes = Array.isArray(points["interior"]) ? points["interior"].map(ringOf) : [];
      const outer = ringOf(points["exterior"]);
      if (holes.length === 0) return { ...base, shape: rings(outer) };
      return { ...base, shape: { kind: "holed", parts: [[outer, ...holes]], unit: "pixels" } };
    }
    case "rectangle":
      return { ...base, leave: "box_only" };
    default:
      return { ...base, leave: "shape_unsupported", detail: String(object["geometryType"]) };
  }
}
