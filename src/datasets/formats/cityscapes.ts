import { splitOf } from "../names.ts";
import type { DrawnObject } from "../objects.ts";
import { baseOf } from "../paths.ts";
import { labelOf } from "../plan.ts";
import { type DocumentFormat, isObject, type Json, objectsOf, ringOf, rings, sizeOf } from "./document.ts";

/** Parts of the picture that are nobody's. */
const nothing = new Set(["out of roi", "ego vehicle", "rectification border", "unlabeled"]);

/**
 * Cityscapes: `leftImg8bit/SPLIT/CITY/x_leftImg8bit.png`, `gtFine/SPLIT/CITY/x_gtFine_polygons.json`. Its label and instance
 * pictures are made of the polygons. Source: cityscapesScripts 2.2.4, `helpers/annotation.py`, `helpers/labels.py`.
 */
export const cityscapes: DocumentFormat = {
  layout: "cityscapes",
  title: "Cityscapes",
  fits: (value) => isObject(value) && "imgHeight" in value && Array.isArray(value["objects"]),
  read: (value, file) => {
    const { imgHeight, imgWidth, objects } = value as Json;
    const stem = baseOf(file)
      .replace(/_gt(Fine|Coarse)_polygons\.json$/i, "")
      .replace(/\.json$/i, "");
    return [
      {
        image: [`${stem}_leftImg8bit.png`, stem],
        size: sizeOf(imgWidth, imgHeight),
        objects: objectsOf(objects).flatMap(objectOf),
        split: splitOf(file),
      },
    ];
  },
};

function objectOf(object: Json, k: number): DrawnObject[] {
  const label = labelOf(object["label"]);
  if (object["deleted"] === 1 || nothing.has(label ?? "")) return [];
  const base = { id: `object ${k + 1}`, label };
  if (/.group$/.test(label ?? "")) return [{ ...base, leave: "crowd" }];
  return [{ ...base, shape: rings(ringOf(object["polygon"])) }];
}

/** The pictures that are made of the polygons. */
export const isCityscapesPicture = (name: string): boolean =>
  /_gt(Fine|Coarse)_(color|labelIds|instanceIds|labelTrainIds|instanceTrainIds)\.png$/i.test(name);
