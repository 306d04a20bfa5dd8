import type { AnnotatedImage, DrawnObject } from "../objects.ts";
import { baseStemOf } from "../paths.ts";
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
 * V7's Darwin JSON 1 and 2: polygons of several paths (what lies in an even number of them is hole), ellipses, masks in a
 * raster layer. Source: darwin-py 2.0, `utils/utils.py`; docs.v7labs.com/reference/darwin-json.
 */
export const darwin: DocumentFormat = {
  layout: "darwin",
  title: "V7 Darwin JSON",
  fits: (value) =>
    isObject(value) &&
    Array.isArray(value["annotations"]) &&
    ((isObject(value["item"]) && "slots" in value["item"]) ||
      (isObject(value["image"]) && "filename" in value["image"])),
  read: (value, file) => [darwinImage(value as Json, file)],
};

function darwinImage({ item, image, annotations }: Json, file: string): AnnotatedImage {
  const source = (isObject(item) ? item : image) as Json;
  const slot = objectsOf(source["slots"])[0] ?? source;
  const inSlot = textOf(objectsOf(slot["source_files"])[0]?.["file_name"]);
  const named = textOf(source["name"]) ?? textOf(source["filename"]);
  const size = sizeOf(slot["width"], slot["height"]);
  const all = objectsOf(annotations);
  const raster = all.find((annotation) => isObject(annotation["raster_layer"]))?.["raster_layer"] as
    | Json
    | undefined;
  return {
    image: [named, inSlot, baseStemOf(file)].filter((name) => name !== null),
    size,
    objects: all
      .filter((annotation) => !isObject(annotation["raster_layer"]))
      .map((annotation, k) => objectOf(annotation, k, raster, size)),
  };
}

function objectOf(
  annotation: Json,
  k: number,
  raster: Json | undefined,
  size: AnnotatedImage["size"],
): DrawnObject {
  const base = { id: `annotation ${labelOf(annotation["id"]) ?? k + 1}`, label: labelOf(annotation["name"]) };
  const { polygon, complex_polygon: complex, ellipse, mask } = annotation;
  for (const one of [polygon, complex]) {
    if (!isObject(one)) continue;
    const first =
      Array.isArray(one["path"]) && !Array.isArray(one["path"][0]) ? [one["path"]] : listOf(one["path"]);
    const paths = [
      ...(Array.isArray(one["paths"]) ? one["paths"] : first),
      ...listOf(one["additional_paths"]),
    ];
    const extra = listOf(annotation["additional_paths"]);
    return { ...base, shape: { kind: "holed", parts: [[...paths, ...extra].map(ringOf)], unit: "pixels" } };
  }
  if (isObject(ellipse) && isObject(ellipse["center"]) && isObject(ellipse["radius"])) {
    const [x, y] = ringOf([ellipse["center"]]) as [number, number];
    const [rx, ry] = ringOf([ellipse["radius"]]) as [number, number];
    const angle = ((Number(ellipse["angle"]) || 0) * 180) / Math.PI;
    return { ...base, shape: { kind: "ellipse", x, y, rx, ry, angle, unit: "pixels" } };
  }
  if (isObject(mask)) {
    const shape = raster && size && fromRaster(raster, String(annotation["id"]), size);
    return shape
      ? { ...base, shape }
      : { ...base, leave: "object_invalid", detail: "its raster layer is not there" };
  }
  if ("bounding_box" in annotation) return { ...base, leave: "box_only" };
  return { ...base, leave: "shape_unsupported" };
}

/** `dense_rle` is [value, run, value, run, ...] along the rows; the mapping gives each mask its value. */
function fromRaster(raster: Json, id: string, size: { width: number; height: number }): Shape | null {
  const mapping = raster["mask_annotation_ids_mapping"];
  const value = isObject(mapping) ? mapping[id] : undefined;
  const dense = listOf(raster["dense_rle"]).map(Number);
  if (value === undefined || dense.length === 0) return null;
  const runs: number[] = [0];
  let inside = false;
  for (let i = 0; i + 1 < dense.length; i += 2) {
    const own = dense[i] === value;
    if (own !== inside) {
      runs.push(0);
      inside = own;
    }
    runs[runs.length - 1] = (runs.at(-1) as number) + (dense[i + 1] as number);
  }
  return { kind: "rows", runs, ...size, at: [0, 0] };
}
