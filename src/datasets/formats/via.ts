import type { AnnotatedImage, DrawnObject } from "../objects.ts";
import { labelOf } from "../plan.ts";
import { type DocumentFormat, isObject, type Json, listOf, rings, textOf } from "./document.ts";

/**
 * VGG Image Annotator: a project or an annotation file of VIA 1 and 2, and VIA 3's project. Polygons, circles and ellipses
 * are the objects. Source: VIA 2.0.12 and 3.0.13, `via.js` (robots.ox.ac.uk/~vgg/software/via).
 */
export const via: DocumentFormat = {
  layout: "via",
  title: "VIA",
  fits: (value) =>
    isObject(value) && ("_via_img_metadata" in value || isThird(value) || Object.values(value).some(isImage)),
  read: (value) => {
    const json = value as Json;
    if (isThird(json)) return third(json);
    const images = isObject(json["_via_img_metadata"]) ? json["_via_img_metadata"] : json;
    return Object.values(images)
      .filter(isImage)
      .map((image) => ({
        image: String(image["filename"]),
        objects: regionsOf(image["regions"]).map((region, k) => viaObject(region, k)),
      }));
  },
};

const isImage = (value: unknown): value is Json =>
  isObject(value) && typeof value["filename"] === "string" && "regions" in value;

/** A list in VIA 2, a map from numbers in VIA 1. */
const regionsOf = (regions: unknown): Json[] =>
  (isObject(regions) ? Object.values(regions) : listOf(regions)).filter(isObject);

export function viaObject(region: Json, k: number): DrawnObject {
  const shape = isObject(region["shape_attributes"]) ? region["shape_attributes"] : {};
  const base = { id: `region ${k + 1}`, label: viaLabel(region["region_attributes"]) };
  const number = (key: string): number => (shape[key] == null ? Number.NaN : Number(shape[key]));
  switch (shape["name"]) {
    case "polygon": {
      const [xs, ys] = [listOf(shape["all_points_x"]), listOf(shape["all_points_y"])];
      return { ...base, shape: rings(xs.flatMap((x, i) => [Number(x), Number(ys[i])])) };
    }
    case "circle":
    case "ellipse": {
      const r = number("r");
      const [rx, ry] = shape["name"] === "circle" ? [r, r] : [number("rx"), number("ry")];
      const angle = ((Number(shape["theta"]) || 0) * 180) / Math.PI;
      return {
        ...base,
        shape: { kind: "ellipse", x: number("cx"), y: number("cy"), rx, ry, angle, unit: "pixels" },
      };
    }
    case "rect":
      return { ...base, leave: "box_only" };
    default:
      return { ...base, leave: "shape_unsupported", detail: String(shape["name"]) };
  }
}

/** The attribute that names the class: by its usual names, else the first that says anything. */
function viaLabel(attributes: unknown): string | null {
  if (!isObject(attributes)) return null;
  const usual = ["name", "label", "class", "type", "category", "object", "object_name"];
  const keys = Object.keys(attributes).toSorted((a, b) => rank(usual, a) - rank(usual, b));
  for (const key of keys) {
    const value = attributes[key];
    const chosen = isObject(value) ? Object.keys(value).find((option) => value[option] === true) : value;
    const label = labelOf(chosen);
    if (label !== null) return label;
  }
  return null;
}

function rank(usual: readonly string[], key: string): number {
  const at = usual.indexOf(key.toLowerCase());
  return at === -1 ? usual.length : at;
}

const isThird = (value: Json): boolean =>
  ["project", "attribute", "file", "metadata", "view"].every((key) => isObject(value[key]));

/** Metadata of VIA 3: `z` times, `xy` [kind, numbers ...]; kinds 2 rectangle, 3 circle, 4 ellipse, 7 polygon. */
function third(value: Json): AnnotatedImage[] {
  const [files, views, metadata] = ["file", "view", "metadata"].map((key) => value[key] as Json) as [
    Json,
    Json,
    Json,
  ];
  const options = value["attribute"] as Json;
  const byView = new Map<string, DrawnObject[]>();
  for (const [k, one] of Object.values(metadata).entries()) {
    if (!isObject(one)) continue;
    const objects = byView.get(String(one["vid"])) ?? [];
    byView.set(String(one["vid"]), objects);
    const numbers = listOf(one["xy"]).map(Number);
    if (numbers.length === 0) continue;
    objects.push({ id: `metadata ${k + 1}`, label: thirdLabel(one["av"], options), ...thirdShape(numbers) });
  }
  return Object.entries(views).flatMap(([vid, view]) => {
    const fid = listOf((view as Json)["fid_list"])[0];
    const file = files[String(fid)];
    const name = isObject(file) ? (textOf(file["fname"]) ?? textOf(file["src"])) : null;
    return name === null ? [] : [{ image: name, objects: byView.get(vid) ?? [] }];
  });
}

function thirdShape([kind, ...numbers]: readonly number[]): Pick<DrawnObject, "shape" | "leave" | "detail"> {
  const [x = Number.NaN, y = Number.NaN, rx = Number.NaN, ry = Number.NaN] = numbers;
  if (kind === 7) return { shape: rings([...numbers]) };
  if (kind === 3) return { shape: { kind: "ellipse", x, y, rx, ry: rx, angle: 0, unit: "pixels" } };
  if (kind === 4) return { shape: { kind: "ellipse", x, y, rx, ry, angle: 0, unit: "pixels" } };
  return kind === 2 ? { leave: "box_only" } : { leave: "shape_unsupported", detail: `kind ${kind}` };
}

function thirdLabel(values: unknown, attributes: Json): string | null {
  if (!isObject(values)) return null;
  for (const [key, value] of Object.entries(values)) {
    const attribute = attributes[key];
    const options = isObject(attribute) && isObject(attribute["options"]) ? attribute["options"] : {};
    const label = labelOf(options[String(value)] ?? value);
    if (label !== null) return label;
  }
  return null;
}
