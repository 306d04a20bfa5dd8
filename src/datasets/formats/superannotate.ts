import type { DrawnObject } from "../objects.ts";
import { baseOf } from "../paths.ts";
import { labelOf } from "../plan.ts";
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
 * SuperAnnotate's vector projects: `x.jpg.json` or `x.jpg___objects.json` for each image, `classes/classes.json`. Source:
 * superannotate SDK 4.4, `app/input_converters`; doc.superannotate.com.
 */
export const superAnnotate: DocumentFormat = {
  layout: "superannotate",
  title: "SuperAnnotate",
  fits: (value, file) =>
    (isObject(value) && isObject(value["metadata"]) && Array.isArray(value["instances"])) ||
    (/(^|\/)classes\.json$/i.test(file) && Array.isArray(value)),
  read: (value, file) => {
    if (!isObject(value)) return null;
    const metadata = value["metadata"] as Json;
    const own = baseOf(file).replace(/(___objects|___pixel)?\.json$/i, "");
    const named = textOf(metadata["name"]);
    return [
      {
        image: named ? [named, own] : own,
        size: sizeOf(metadata["width"], metadata["height"]),
        objects: objectsOf(value["instances"]).map(objectOf),
      },
    ];
  },
};

function objectOf(instance: Json, k: number): DrawnObject {
  const base = { id: `instance ${k + 1}`, label: labelOf(instance["className"]) };
  const number = (key: string): number => Number(instance[key] ?? Number.NaN);
  const flat = (points: unknown): number[] => listOf(points).map(Number);
  switch (instance["type"]) {
    case "polygon": {
      const points = listOf(instance["points"]);
      const outer = Array.isArray(points[0]) ? points.map(flat) : [flat(points)];
      const holes = listOf(instance["exclude"]).map(flat);
      if (holes.length === 0) return { ...base, shape: rings(...outer) };
      return { ...base, shape: { kind: "holed", parts: [[...outer, ...holes]], unit: "pixels" } };
    }
    case "ellipse": {
      const [x, y, rx, ry] = ["cx", "cy", "rx", "ry"].map(number) as [number, number, number, number];
      return {
        ...base,
        shape: { kind: "ellipse", x, y, rx, ry, angle: Number(instance["angle"] ?? 0), unit: "pixels" },
      };
    }
    case "bbox":
    case "rbbox":
      return { ...base, leave: "box_only" };
    default:
      return { ...base, leave: "shape_unsupported", detail: String(instance["type"]) };
  }
}
