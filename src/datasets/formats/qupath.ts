import type { DrawnObject } from "../objects.ts";
import { baseStemOf } from "../paths.ts";
import { labelOf } from "../plan.ts";
import { type DocumentFormat, isObject, type Json, listOf, objectsOf, ringOf, textOf } from "./document.ts";

/**
 * QuPath's GeoJSON, a file for each image: polygons and multipolygons with holes, in pixels. Source: QuPath 0.5,
 * `qupath.lib.io.PathIO` and `GsonTools`; RFC 7946.
 */
export const quPath: DocumentFormat = {
  layout: "geojson",
  title: "GeoJSON",
  fits: (value) =>
    (isObject(value) && (value["type"] === "FeatureCollection" || value["type"] === "Feature")) ||
    (Array.isArray(value) && isObject(value[0]) && value[0]["type"] === "Feature"),
  read: (value, file) => {
    const features = Array.isArray(value)
      ? objectsOf(value)
      : isObject(value) && value["type"] === "Feature"
        ? [value]
        : objectsOf((value as Json)["features"]);
    const own = baseStemOf(file);
    return [
      {
        image: [own, own.replace(/[-_.]?(annotations?|objects?|detections?|cells?)$/i, "")],
        objects: features.map(objectOf),
      },
    ];
  },
};

function objectOf(feature: Json, k: number): DrawnObject {
  const properties = isObject(feature["properties"]) ? feature["properties"] : {};
  const { classification } = properties;
  const given = isObject(classification)
    ? (classification["name"] ?? listOf(classification["names"]).join(": "))
    : (classification ?? properties["label"] ?? properties["class"]);
  const base = {
    id: `feature ${labelOf(feature["id"]) ?? k + 1}`,
    label: labelOf(given) ?? labelOf(properties["name"]),
  };
  const geometry = isObject(feature["geometry"]) ? feature["geometry"] : {};
  const coordinates = listOf(geometry["coordinates"]);
  const partOf = (rings: unknown): number[][] => listOf(rings).map(ringOf);
  switch (textOf(geometry["type"])) {
    case "Polygon":
      return { ...base, shape: { kind: "holed", parts: [partOf(coordinates)], unit: "pixels" } };
    case "MultiPolygon":
      return { ...base, shape: { kind: "holed", parts: coordinates.map(partOf), unit: "pixels" } };
    default:
      return { ...base, leave: "shape_unsupported", detail: String(geometry["type"]) };
  }
}
