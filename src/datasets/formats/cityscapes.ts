import { splitOf } from "../names.ts";
import type { DrawnObject } from "../objects.ts";
import { baseOf } from "../paths.ts";
import { labelOf } from "../plan.ts";
import { type DocumentFormat, isObject, type Json, objectsOf, ringOf, rings, sizeOf } from "./document.ts";

/** Cityscapes' classes by their ids, 0 to 33. Source: cityscapesScripts 2.2.4, `helpers/labels.py`. */
export const labelsOfCityscapes: readonly string[] =
  "unlabeled,ego vehicle,rectification border,out of roi,static,dynamic,ground,road,sidewalk,parking,rail track,building,wall,fence,guard rail,bridge,tunnel,pole,polegroup,traffic light,traffic sign,vegetation,terrain,sky,person,rider,car,truck,bus,caravan,trailer,train,motorcycle,bicycle"
    .split(",")
    .map((name, id) => (id < 4 ? "unlabeled" : name));

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
