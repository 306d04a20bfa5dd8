import type { DrawnObject } from "../objects.ts";
import { baseStemOf } from "../paths.ts";
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
 * LabelMe's JSON beside each image, and X-AnyLabeling's, which is the same with more kinds of shapes. Polygons of one
 * label and `group_id` are one object, as labelme2coco.py has it. Source: labelme 5.5, `shape.py`, `label_file.py`;
 * X-AnyLabeling 2.4, `label_file.py`.
 */
export const labelMe: DocumentFormat = {
  layout: "labelme",
  title: "LabelMe",
  fits: (value) =>
    isObject(value) &&
    Array.isArray(value["shapes"]) &&
    ("imagePath" in value || "imageData" in value || "imageHeight" in value),
  read: (value, file) => {
    const { imagePath, imageWidth, imageHeight, shapes } = value as Json;
    const named = textOf(imagePath);
    const own = baseStemOf(file);
    return [
      {
        image: named ? [named, own] : [own],
        size: sizeOf(imageWidth, imageHeight),
        objects: grouped(objectsOf(shapes)),
      },
    ];
  },
};

function grouped(shapes: readonly Json[]): DrawnObject[] {
  const groups = new Map<string, DrawnObject>();
  return shapes.flatMap((shape, k) => {
    const object = objectOf(shape, k);
    const group = shape["group_id"];
    if (group == null || object.shape?.kind !== "rings") return [object];
    const key = JSON.stringify([group, object.label]);
    const first = groups.get(key);
    if (first?.shape?.kind !== "rings") {
      groups.set(key, object);
      return [object];
    }
    Object.assign(first.shape, { rings: [...first.shape.rings, ...object.shape.rings] });
    return [];
  });
}

function objectOf(shape: Json, k: number): DrawnObject {
  const base = { id: `shape ${k + 1}`, label: labelOf(shape["label"]) };
  const points = ringOf(shape["points"]);
  const [x0 = Number.NaN, y0 = Number.NaN, x1 = Number.NaN, y1 = Number.NaN] = points;
  switch (shape["shape_type"] ?? "polygon") {
    case "polygon":
      return { ...base, shape: rings(points) };
    case "circle": {
      const r = Math.hypot(x1 - x0, y1 - y0);
      return { ...base, shape: { kind: "ellipse", x: x0, y: y0, rx: r, ry: r, angle: 0, unit: "pixels" } };
    }
    case "mask": {
      const data = textOf(shape["mask"]);
      if (data === null) return { ...base, leave: "object_invalid", detail: "it has no mask" };
      return {
        ...base,
        shape: { kind: "bitmap", data, zlib: false, at: [Math.trunc(x0), Math.trunc(y0)] },
      };
    }
    case "rectangle":
    case "rotation":
    case "oriented_rectangle":
      return { ...base, leave: "box_only" };
    default:
      return { ...base, leave: "shape_unsupported", detail: String(shape["shape_type"]) };
  }
}
