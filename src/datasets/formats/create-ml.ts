import { labelOf } from "../plan.ts";
import { type DocumentFormat, isObject, objectsOf } from "./document.ts";

/** Create ML's object detection: boxes alone, which outline nothing. Source: developer.apple.com/documentation/createml. */
export const createMl: DocumentFormat = {
  layout: "create_ml",
  title: "Create ML",
  fits: (value) =>
    Array.isArray(value) &&
    isObject(value[0]) &&
    typeof value[0]["image"] === "string" &&
    objectsOf(value[0]["annotations"]).every((one) => "coordinates" in one),
  read: (value) =>
    objectsOf(value).map((image) => ({
      image: String(image["image"]),
      objects: objectsOf(image["annotations"]).map((annotation, k) => ({
        id: `annotation ${k + 1}`,
        label: labelOf(annotation["label"]),
        leave: "box_only",
      })),
    })),
};
