import { z } from "zod";
import type { KeptMask } from "../imaging/kept-mask.ts";
import { isStorable } from "../lib/text.ts";
import type { LeftOut } from "./report.ts";
import type { Split } from "./names.ts";
import type { ItemFacts } from "./types.ts";

/** One object that a mask file or an annotation turned out to hold. */
export interface FoundObject extends KeptMask {
  /** Left out where the annotation's own label holds. */
  readonly label?: string | null;
  /** Why it is none after all. */
  readonly leave?: { readonly code: LeftOut; readonly detail: string; readonly count: number };
}

/** Where something stands, for reports. */
export interface Place {
  readonly file: string;
  readonly line?: number | undefined;
  readonly id?: string | undefined;
}

/** A mask or annotation that a format found; its pixels are read when its image is walked. */
export interface PlannedMask {
  readonly place: Place;
  readonly label: string | null;
  /** COCO's [x, y, width, height] in pixels; null where the mask's own box is meant. */
  readonly bbox?: readonly [number, number, number, number] | null;
  /** The same box by its corners, to the last bit: what is imported where it agrees with `bbox`. */
  readonly corners?: readonly [number, number, number, number] | undefined;
  /** Why it is no object, where that is known before its pixels are read. */
  readonly leave?: { readonly code: LeftOut; readonly detail?: string; readonly count?: number } | undefined;
  /**
   * Its objects, at the size of `frame`: the image as it is seen, or as it is stored. An empty list is a mask that holds
   * nothing. Throws AppError where it does not fit.
   */
  read(frame: Frame, signal?: AbortSignal): Promise<readonly FoundObject[]> | readonly FoundObject[];
}

/** The pixels that something was drawn on. */
export interface Frame extends ItemFacts {
  /** Whether it is the image before it is turned as EXIF says. */
  readonly stored: boolean;
}

/** What a format says of one image. */
export interface PlannedImage {
  /** Name of its file in the zip. */
  readonly name: string;
  readonly alsoNamed: readonly string[];
  /** What the format's own file says of the size, and where; held against the image. */
  readonly declared: { readonly width: number; readonly height: number; readonly file: string } | null;
  /** COCO's field `group`: null for a group by itself; undefined where nothing is said. */
  readonly group: string | null | undefined;
  /** The user's own part of the data, where the format says one. */
  readonly split: Split | null;
  /** How many masks there are; a mask file may hold several objects. */
  readonly count: number;
  /** Whether it is known to hold nothing: an empty label file, an all-black mask. */
  readonly background: boolean;
  /** The masks, found again each time: a plan of a million objects keeps none of them in memory. */
  masks(signal?: AbortSignal): Promise<readonly PlannedMask[]> | readonly PlannedMask[];
}

/** What one annotation file, or a format's files together, say of the images. */
export interface Source {
  /** `coco`, `folders`, `labelme` ...: what the API calls it. */
  readonly layout: string;
  /** What people call it. */
  readonly title: string;
  /** The file that shows it. */
  readonly file: string;
  /** Where several sources annotate one image, those of the highest rank count: outlines above rendered masks. */
  readonly rank: number;
  readonly images: ReadonlyMap<string, PlannedImage>;
}

/** A label or a group, as the API's own requests may have it. */
export const keptName = z
  .string()
  .min(1)
  .max(200)
  .refine(isStorable, "a NUL or half a surrogate pair can't be kept");

/** A label as it can be kept: null for what is no text, cut where it is too long. */
export function labelOf(value: unknown): string | null {
  const text = typeof value === "number" ? String(value) : value;
  if (typeof text !== "string") return null;
  const kept = text.replaceAll("\0", "").toWellFormed().trim().slice(0, 200).toWellFormed();
  return kept === "" ? null : kept;
}

/** An image that nothing is said of. */
export const unannotated = (name: string): PlannedImage => ({
  name,
  alsoNamed: [],
  declared: null,
  group: undefined,
  split: null,
  count: 0,
  background: false,
  masks: () => [],
});

/** `annotations.json: annotation 7`, `labels/a.txt: line 3`. */
export const placeText = ({ file, line, id }: Place): string =>
  id !== undefined ? `${file}: ${id}` : line !== undefined ? `${file}: line ${line}` : file;
