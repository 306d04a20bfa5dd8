import { pngToMask } from "../imaging/mask-png.ts";
import {
  isImageName,
  isSidecarName,
  type Plan,
  type PlannedImage,
  type PlannedMask,
  stemOf,
} from "./plan.ts";
import { fileError } from "./problems.ts";
import { nothingSkipped } from "./types.ts";
import type { ZipReader } from "./zip.ts";

/**
 * The layout `images/<stem>.*` with `masks/<stem>.png`, or one file per instance: `masks/<stem>__<k>.png`.
 *
 * Masks are PNGs of 0 and 255. Where a stem has instances, they are the annotations and `masks/<stem>.png` is taken for
 * their union and passed over. An image without a mask is unannotated; a mask without an image is an error, as are two
 * images of one stem. Folders below images/ are repeated below masks/. Throws AppError import_file_invalid.
 */
export function planFolders(zip: ZipReader): Plan {
  const images = new Map<string, string>();
  const masks: string[] = [];
  for (const name of zip.entries.keys()) {
    if (isSidecarName(name)) continue;
    if (name.startsWith("masks/")) masks.push(name);
    if (!name.startsWith("images/")) continue;
    if (!isImageName(name)) throw fileError(name, "an image is a JPEG, PNG, WebP or TIFF file");
    const other = images.get(stemOf(name));
    if (other !== undefined)
      throw fileError(name, `has the same stem as ${other}, so a mask can't tell them apart`);
    images.set(stemOf(name), name);
  }
  const whole = new Map<string, string>();
  const instances = new Map<string, string[]>();
  for (const name of masks) {
    if (!name.toLowerCase().endsWith(".png"))
      throw fileError(name, "a mask is a PNG file: only that keeps 0 and 255 exact");
    const stem = name.slice("masks/".length, -".png".length);
    const [, parent] = /^(.+)__\d+$/.exec(stem) ?? [];
    if (images.has(stem)) whole.set(stem, name);
    else if (parent !== undefined && images.has(parent))
      instances.set(parent, [...(instances.get(parent) ?? []), name]);
    else throw fileError(name, `there is no image images/${parent ?? stem}.*`);
  }
  let unions = 0;
  const planned = [...images].map(([stem, name]): PlannedImage => {
    const parts = instances.get(stem);
    const union = whole.get(stem);
    if (parts && union !== undefined) unions++;
    const files = parts ? parts.sort(byInstance) : union === undefined ? [] : [union];
    return {
      name,
      alsoNamed: [],
      declared: null,
      group: undefined,
      count: files.length,
      masks: () => files.map((file) => maskIn(zip, file)),
    };
  });
  return { layout: "folders", images: planned, skipped: { ...nothingSkipped, unions } };
}

const instanceOf = (name: string): number => Number(/__(\d+)\.png$/i.exec(name)?.[1]);
const byInstance = (a: string, b: string): number => instanceOf(a) - instanceOf(b);

const maskIn = (zip: ZipReader, file: string): PlannedMask => ({
  file,
  label: null,
  bbox: null,
  read: async (facts, signal) => pngToMask(await zip.read(file, signal), [facts.height, facts.width]),
});
