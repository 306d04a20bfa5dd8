import type { DrawnObject } from "../objects.ts";
import { labelOf } from "../plan.ts";
import { type DocumentFormat, isObject, type Json, objectsOf, ringOf, rings, sizeOf } from "./document.ts";

/** Hasty's JSON 1.1: `images` with `labels` of polygons or masks in their box. Source: hasty.ai/docs, export formats. */
export const hasty: DocumentFormat = {
  layout: "hasty",
  title: "Hasty",
  fits: (value) =>
    isObject(value) &&
    Array.isArray(value["images"]) &&
    objectsOf(value["images"]).some((one) => "image_name" in one),
  read: (value) =>
    objectsOf((value as Json)["images"]).map((image) => ({
      image: String(image["image_name"]),
      size: sizeOf(image["width"], image["height"]),
      objects: objectsOf(image["labels"]).map(objectOf),
    })),
};

function objectOf(label: Json, k: number): DrawnObject {
  const base = { id: `label ${labelOf(label["id"]) ?? k + 1}`, label: labelOf(label["class_name"]) };
  if (Array.isArray(label["polygon"])) return { ...base, shape: rings(ringOf(label["polygon"])) };
  const [x0, y0, x1, y1] = Array.isArray(label["bbox"]) ? label["bbox"].map(Number) : [];
  if (
    Array.isArray(label["mask"]) &&
    x0 !== undefined &&
    y0 !== undefined &&
    x1 !== undefined &&
    y1 !== undefined
  )
    return {
      ...base,
      shape: { kind: "rows", runs: label["mask"].map(Number), width: x1 - x0, height: y1 - y0, at: [x0, y0] },
    };
  return { ...base, leave: "box_only" };
}
