import { labelOf } from "../plan.ts";
import { shapeOf } from "./coco.ts";
import { type DocumentFormat, isObject, type Json, objectsOf, sizeOf } from "./document.ts";

/** SA-1B, Segment Anything's own data: `sa_1.jpg` and `sa_1.json`. Source: ai.meta.com/datasets/segment-anything, README. */
export const sa1b: DocumentFormat = {
  layout: "sa_1b",
  title: "SA-1B",
  fits: (value) =>
    isObject(value) &&
    isObject(value["image"]) &&
    typeof value["image"]["file_name"] === "string" &&
    Array.isArray(value["annotations"]),
  read: (value) => {
    const { image, annotations } = value as { image: Json; annotations: unknown };
    return [
      {
        image: String(image["file_name"]),
        size: sizeOf(image["width"], image["height"]),
        objects: objectsOf(annotations).map((annotation, k) => {
          const base = { id: `annotation ${labelOf(annotation["id"]) ?? k + 1}`, label: null };
          const shape = shapeOf(annotation["segmentation"]);
          if (shape === "none") return { ...base, leave: "box_only" as const };
          return shape === null ? { ...base, leave: "object_invalid" as const } : { ...base, shape };
        }),
      },
    ];
  },
};
