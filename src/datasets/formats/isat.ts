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
 * ISAT with Segment Anything: `x.json` for each image. Polygons of one `group` and category are one object; those of the
 * category `__background__` in the group are its holes. Source: ISAT_with_segment_anything 1.3, `annotation.py`.
 */
export const isat: DocumentFormat = {
  layout: "isat",
  title: "ISAT",
  fits: (value) =>
    isObject(value) &&
    isObject(value["info"]) &&
    Array.isArray(value["objects"]) &&
    (value["info"]["description"] === "ISAT" ||
      objectsOf(value["objects"]).some((one) => "category" in one && Array.isArray(one["segmentation"]))),
  read: (value, file) => {
    const { info, objects } = value as { info: Json; objects: unknown };
    const named = textOf(info["name"]);
    return [
      {
        image: named ? [named, baseStemOf(file)] : baseStemOf(file),
        size: sizeOf(info["width"], info["height"]),
        objects: grouped(objectsOf(objects)),
      },
    ];
  },
};

function grouped(objects: readonly Json[]): DrawnObject[] {
  const groups = new Map<string, { label: string | null; k: number; outer: number[][]; holes: number[][] }>();
  for (const [k, object] of objects.entries()) {
    const label = labelOf(object["category"]);
    const group = object["group"] ?? `alone ${k}`;
    const isHole = label === "__background__";
    const key = JSON.stringify(isHole ? [group] : [group, label]);
    const place = isHole ? [...groups.keys()].find((one) => one.startsWith(`${key.slice(0, -1)},`)) : key;
    const found = groups.get(place ?? key) ?? { label, k, outer: [], holes: [] };
    (isHole && place ? found.holes : found.outer).push(ringOf(object["segmentation"]));
    if (!isHole || place) groups.set(place ?? key, found);
  }
  return [...groups.values()].map(({ label, k, outer, holes }) => ({
    id: `object ${k + 1}`,
    label,
    shape:
      holes.length === 0 ? rings(...outer) : { kind: "holed", parts: [[...outer, ...holes]], unit: "pixels" },
  }));
}
