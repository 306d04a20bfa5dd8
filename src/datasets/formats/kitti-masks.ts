import { joined } from "../objects.ts";
import { splitOf } from "../names.ts";
import type { PlannedImage, Source } from "../plan.ts";
import type { FormatContext } from "../types.ts";
import type { ValueNames } from "../value-names.ts";
import { plannedLabels } from "./cityscapes-masks.ts";

const picture = /^(.*\/|)(instance|semantic|semantic_rgb)\/(.+\.png)$/;
/** An object's value in `instance/` is its class's by this and a number. */
const perClass = 256;

/**
 * KITTI's segmentation, as its own site, CVAT and Datumaro have it: `image_2/x.png` and beside it `instance/x.png`, 16 bits
 * of a class by 256 and a number; else `semantic/x.png`, a class a value. Classes are named as Cityscapes' are. Source:
 * datumaro 0.3 (cvat-ai, 8970bb7), `plugins/kitti_format/converter.py`.
 */
export function kittiMaskSource(context: FormatContext, table: ValueNames | null): Source | null {
  const { zip, claim, finder, report } = context;
  const byImage = new Map<string, string>();
  const found = new Map<string, string>();
  for (const file of zip.entries.keys()) {
    const [, top = "", kind, rest = ""] = picture.exec(file) ?? [];
    const image = `${top}image_2/${rest}`;
    if (kind === undefined || !zip.entries.has(image)) continue;
    claim(file);
    if (kind === "instance" || (kind === "semantic" && !found.has(image))) found.set(image, file);
  }
  for (const [image, file] of found) {
    const [name = image] = finder.find(image, file);
    byImage.set(name, file);
  }
  const [first] = byImage.values();
  if (first === undefined) return null;
  if (!table?.inOrder)
    report.tell(
      "cityscapes_names",
      "no label_colors.txt names the classes: they are called as in Cityscapes",
    );
  const images = new Map<string, PlannedImage>();
  for (const [name, file] of byImage) {
    const counted = /(^|\/)instance\//.test(file) ? perClass : null;
    const own: PlannedImage = {
      name,
      alsoNamed: [],
      declared: null,
      group: undefined,
      split: splitOf(file),
      count: 1,
      background: false,
      masks: () => [
        plannedLabels(file, context, table, (value) =>
          counted === null ? [value, false] : [Math.floor(value / counted), value % counted !== 0],
        ),
      ],
    };
    const there = images.get(name);
    images.set(name, there ? joined(there, own) : own);
  }
  return { layout: "kitti", title: "KITTI's segmentation", file: first, rank: 7, images };
}
