import { masksOfLabels } from "../../imaging/label-map.ts";
import { AppError } from "../../lib/errors.ts";
import { readAtSize } from "../masks.ts";
import { splitOf } from "../names.ts";
import { joined } from "../objects.ts";
import { baseOf } from "../paths.ts";
import { type FoundObject, labelOf, type PlannedImage, type PlannedMask, type Source } from "../plan.ts";
import type { FormatContext } from "../types.ts";
import { isBackground, type ValueNames } from "../value-names.ts";
import { labelsOfCityscapes } from "./cityscapes.ts";

/** What of a picture's name says its kind. */
const picture = /_gt(?:Fine|Coarse)_(instanceIds|labelIds)\.png$/i;
const ending = /_gt(?:Fine|Coarse)_(?:instanceIds|labelIds|polygons)\.(?:png|json)$/i;
/** An object's value is its class's by this and a number, in pictures of instances. */
const perClass = 1000;
/** Id of `person`: it and the classes behind it are counted in objects. */
const firstCounted = 24;

/**
 * Cityscapes without its polygons, as CVAT and Datumaro write it: `x_gtFine_instanceIds.png`, where a value of 1000 and
 * more is an object and a smaller one a class without objects; else `x_gtFine_labelIds.png`, a class a value. Classes are
 * lines of `label_colors.txt` from 0, or Cityscapes' own. Source: cityscapesScripts, `preparation/json2instanceImg.py`;
 * datumaro 0.3 (cvat-ai, 8970bb7), `plugins/cityscapes_format.py`.
 */
export function cityscapesMaskSource(context: FormatContext, table: ValueNames | null): Source | null {
  const { zip, finder, report } = context;
  const names = [...zip.entries.keys()].filter((name) => ending.test(name));
  const outlined = new Set(names.filter((name) => !picture.test(name)).map(stemOf));
  const byStem = new Map<string, string>();
  for (const file of names)
    if (!outlined.has(stemOf(file)) && (/_instanceIds/i.test(file) || !byStem.has(stemOf(file))))
      byStem.set(stemOf(file), file);
  const [first] = byStem.values();
  if (first === undefined) return null;
  if (!table?.inOrder)
    report.tell(
      "cityscapes_names",
      "no label_colors.txt names the classes: they are called as in Cityscapes",
    );
  const images = new Map<string, PlannedImage>();
  for (const [stem, file] of byStem) {
    const found = [`${baseOf(stem)}_leftImg8bit.png`, baseOf(stem)]
      .map((name) => finder.find(name, file))
      .find((own) => own.length > 0);
    const [image, ...others] = found ?? [];
    if (image === undefined || others.length > 0) {
      report.leave("mask_without_image", { file, detail: "there is no image of this name" });
      continue;
    }
    const own: PlannedImage = {
      name: image,
      alsoNamed: [],
      declared: null,
      group: undefined,
      split: splitOf(file),
      count: 1,
      background: false,
      masks: () => [
        plannedLabels(file, context, table, (value) =>
          /_instanceIds/i.test(file) && value >= perClass
            ? [Math.floor(value / perClass), true]
            : [value, false],
        ),
      ],
    };
    const there = images.get(image);
    images.set(image, there ? joined(there, own) : own);
  }
  return { layout: "cityscapes", title: "Cityscapes' pictures of labels", file: first, rank: 7, images };
}

const stemOf = (name: string): string => name.replace(ending, "");

/** A picture of such values; `meant` gives the class of one and whether it is an object that was counted. */
export function plannedLabels(
  file: string,
  context: FormatContext,
  table: ValueNames | null,
  meant: (value: number) => readonly [id: number, isCounted: boolean],
): PlannedMask {
  const own = table?.inOrder ?? null;
  const isCounting = /instance/i.test(file);
  return {
    place: { file },
    label: null,
    read: async (frame, signal): Promise<FoundObject[]> => {
      const found = masksOfLabels(await readAtSize(file, frame, context, signal));
      if (!found) throw new AppError("mask_not_binary", `${file} has more values than objects can be`);
      return [...found].flatMap(([value, mask]) => {
        const [id, isCounted] = meant(value);
        const name = (own ?? labelsOfCityscapes)[id];
        if (name !== undefined && isBackground(name)) return [];
        const label = labelOf(name);
        // Cityscapes numbers no object where it can't tell one from the next.
        const isGroup = isCounting && !isCounted && !own && id >= firstCounted && name !== undefined;
        if (!isGroup) return [{ ...mask, label }];
        return [{ ...mask, label, leave: { code: "crowd" as const, detail: `value ${value}`, count: 1 } }];
      });
    },
  };
}
