import type { AnnotatedImage, DrawnObject } from "../objects.ts";
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
 * Labelbox's export: rows of JSON (`data_row`, `projects`) or the older list (`Labeled Data`, `Label`). Polygons are the
 * objects; masks lie behind addresses of Labelbox's own and are not in the file. Source: labelbox SDK 5.2,
 * docs.labelbox.com/reference/export-image-annotations.
 */
export const labelbox: DocumentFormat = {
  layout: "labelbox",
  title: "Labelbox",
  fits: (value) => {
    const first: unknown = Array.isArray(value) ? value[0] : value;
    return isObject(first) && (isObject(first["data_row"]) || ("Label" in first && "Labeled Data" in first));
  },
  read: (value) => objectsOf(Array.isArray(value) ? value : [value]).map(rowOf),
};

function rowOf(row: Json): AnnotatedImage {
  const data = isObject(row["data_row"]) ? row["data_row"] : {};
  const attributes = isObject(row["media_attributes"]) ? row["media_attributes"] : {};
  const names = [data["external_id"], row["External ID"], data["row_data"], row["Labeled Data"]].map(textOf);
  const older = isObject(row["Label"]) ? objectsOf(row["Label"]["objects"]) : [];
  const projects = Object.values(isObject(row["projects"]) ? row["projects"] : {}).filter(isObject);
  const newer = projects
    .flatMap((project) => objectsOf(project["labels"]).slice(-1))
    .flatMap((label) => (isObject(label["annotations"]) ? objectsOf(label["annotations"]["objects"]) : []));
  return {
    image: names.filter((name) => name !== null && name !== "") as string[],
    size: sizeOf(attributes["width"], attributes["height"]),
    objects: [...older, ...newer].map(objectOf),
  };
}

function objectOf(object: Json, k: number): DrawnObject {
  const base = {
    id: `object ${textOf(object["feature_id"]) ?? textOf(object["featureId"]) ?? k + 1}`,
    label: labelOf(object["name"] ?? object["title"] ?? object["value"]),
  };
  if (Array.isArray(object["polygon"])) return { ...base, shape: rings(ringOf(object["polygon"])) };
  if ("mask" in object || "composite_mask" in object || "instanceURI" in object)
    return {
      ...base,
      leave: "object_invalid",
      detail: "its mask lies behind an address of Labelbox's, not in the zip",
    };
  if ("bounding_box" in object || "bbox" in object) return { ...base, leave: "box_only" };
  return { ...base, leave: "shape_unsupported", detail: textOf(object["annotation_kind"]) ?? undefined };
}
