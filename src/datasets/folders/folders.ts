import { styleOf, plannedFile, type MaskStyle } from "../masks.ts";
import { splitOf } from "../names.ts";
import { baseStemOf, isImageName, isLossyName } from "../paths.ts";
import type { PlannedImage, Source } from "../plan.ts";
import type { FormatContext } from "../types.ts";
import type { ValueNames } from "../value-names.ts";
import { type PairedMask, pairMasks } from "./pairs.ts";
import { sidesOf } from "./sides.ts";

/** What the folders hold: a source of masks, and the photographs, with or without any. */
export interface FoldersFound {
  readonly source: Source | null;
  readonly images: readonly string[];
}

/**
 * Pictures and mask files paired by their names, in folders of whatever names: see pairs.ts and sides.ts. Masks are of any
 * format that keeps values. Claims the files that it reads.
 */
export async function foldersIn(context: FormatContext, names: ValueNames | null): Promise<FoldersFound> {
  const { zip, report, claim, isClaimed } = context;
  const paths = [...zip.entries.keys()].filter((name) => isImageName(name) && !isClaimed(name));
  const { images, masks, drawings } = await sidesOf(paths, context);
  for (const { path } of drawings) {
    claim(path);
    report.leave("drawing", { file: path });
  }
  const pairs = pairMasks(images, masks);
  const photographs = images.map(({ path }) => path);
  for (const { file, why } of pairs.orphans) {
    // A photograph may well be called face_mask.jpg.
    const mask = masks.find(({ path }) => path === file);
    if (mask && !mask.byFolder && isLossyName(file)) {
      photographs.push(file);
      continue;
    }
    claim(file);
    report.leave("mask_without_image", { file, detail: why });
  }
  if (pairs.masks.size === 0) return { source: null, images: photographs };
  const files = [...pairs.masks.values()].flat().map(({ file }) => file);
  for (const file of files) claim(file);
  const looked = await styleOf(files, context);
  // Values that a table names are classes.
  const style = names && context.choices.masks === "auto" ? { ...looked, instances: false } : looked;
  if (style.labels) tellStyle(style, names, context);
  const planned = new Map<string, PlannedImage>();
  for (const [name, own] of pairs.masks) {
    const used = withoutUnion(own, context);
    planned.set(name, {
      name,
      alsoNamed: [],
      declared: null,
      group: undefined,
      split: splitOf(name),
      count: used.length,
      background: false,
      masks: () => used.map(({ file, label }) => plannedFile(file, label, style, context, names)),
    });
  }
  const [first = ""] = files;
  return {
    source: { layout: "folders", title: "masks", file: first, rank: 1, images: planned },
    images: photographs,
  };
}

/** `masks/<stem>.png` beside `masks/<stem>__<k>.png` is their union. */
function withoutUnion(own: readonly PairedMask[], { report }: FormatContext): readonly PairedMask[] {
  const parts = own.filter(({ file }) => /__\d+$/.test(baseStemOf(file)));
  if (parts.length === 0 || parts.length === own.length) return own;
  for (const { file } of own.filter((mask) => !parts.includes(mask))) report.leave("union", { file });
  return parts;
}

function tellStyle(style: MaskStyle, names: ValueNames | null, { report, choices }: FormatContext): void {
  const what = style.instances ? "objects, one by one" : "classes";
  const why =
    choices.masks === "auto" ? (style.instances ? ", as none lies in several parts" : "") : ", as asked";
  const unnamed = !style.instances && !names ? "; nothing in the zip names them" : "";
  report.tell("mask_values", `the values or colours in mask files are taken for ${what}${why}${unnamed}`);
}
