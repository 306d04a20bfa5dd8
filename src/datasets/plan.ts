import { z } from "zod";
import type { BinaryMask } from "../imaging/types.ts";
import { isStorable } from "../lib/text.ts";
import type { ItemFacts, Layout, Skipped } from "./types.ts";
import type { ZipReader } from "./zip.ts";

/** A mask that a layout found; its pixels are read when its image is walked. */
export interface PlannedMask {
  /** Where in the zip it stands, for messages. */
  readonly file: string;
  readonly label: string | null;
  /** COCO's [x, y, width, height] in pixels; null where the mask's own box is meant. */
  readonly bbox: readonly [number, number, number, number] | null;
  /** The same box by its corners, to the last bit: what is imported where it agrees with `bbox`. */
  readonly corners?: readonly [number, number, number, number] | undefined;
  /** Throws AppError when it does not fit the image. */
  read(facts: ItemFacts, signal?: AbortSignal): Promise<BinaryMask> | BinaryMask;
}

export interface PlannedImage {
  /** Name of its file in the zip. */
  readonly name: string;
  readonly alsoNamed: readonly string[];
  /** What the layout's own file says of the size, and where; held against the image. */
  readonly declared: { readonly width: number; readonly height: number; readonly file: string } | null;
  /** COCO's field `group`: null for a group by itself; undefined where nothing is said. */
  readonly group: string | null | undefined;
  /** How many masks there are. */
  readonly count: number;
  /** The masks, found again each time: a plan of a million objects keeps none of them in memory. */
  masks(signal?: AbortSignal): Promise<readonly PlannedMask[]> | readonly PlannedMask[];
}

/** What a layout makes of a zip's names, before an image or mask is read. */
export interface Plan {
  readonly layout: Layout;
  readonly images: readonly PlannedImage[];
  readonly skipped: Skipped;
}

/** A label or a group, as the API's own requests may have it. */
export const keptName = z
  .string()
  .min(1)
  .max(200)
  .refine(isStorable, "a NUL or half a surrogate pair can't be kept");

const imageName = /\.(jpe?g|png|webp|tiff?)$/i;
const sidecarName = /\.(txt|md|csv|json|ya?ml|xml|html?|license)$/i;

export const isImageName = (name: string): boolean => imageName.test(name);
/** Notes that lie beside images and masks; they are passed over. */
export const isSidecarName = (name: string): boolean => sidecarName.test(name);

/** An image that nothing is said of. */
export const unannotated = (name: string): PlannedImage => ({
  name,
  alsoNamed: [],
  declared: null,
  group: undefined,
  count: 0,
  masks: () => [],
});

/** What was planned and the zip's other images, which have no annotation, in the order of names. */
export function withUnnamed(zip: ZipReader, planned: ReadonlyMap<string, PlannedImage>): PlannedImage[] {
  const others = [...zip.entries.keys()].filter((name) => isImageName(name) && !planned.has(name));
  return [...planned.values(), ...others.map(unannotated)].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** `images/sub/a.b.jpg` to `sub/a.b`. */
export const stemOf = (name: string): string => name.replace(/^images\//, "").replace(/\.[^./]+$/, "");

export const baseOf = (name: string): string => name.slice(name.lastIndexOf("/") + 1);
