import type { ExportedAnnotation } from "../../../db/queries/export-rows.ts";
import type { CutMask } from "../../../imaging/cut-mask.ts";
import { pathIn, stemOf } from "../names.ts";
import { cutOf, hasOwnBox, joinedRing, ringsOf, rleOf } from "../outlines.ts";
import type { Told } from "../told.ts";
import type { AnnotationExport, ExportedItem, ExportHead } from "../types.ts";

/** One file of a zip; its content is asked for once, when its turn comes, and read to its end. */
export interface FileEntry {
  readonly path: string;
  /** Whether it shrinks: pictures don't. */
  readonly compress: boolean;
  readonly content: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>;
}

export interface FormatContext {
  readonly head: ExportHead;
  readonly options: AnnotationExport;
  readonly told: Told;
  /** Lines of `groups.csv`, by the images' names. */
  readonly groups: string[];
}

/** The files that a format makes of images with their annotations, and what stands for annotations without a label. */
export interface WrittenFormat {
  readonly unlabelled: string | null;
  readonly files: AsyncIterable<FileEntry>;
}

export type ZipFormat = (items: AsyncIterable<ExportedItem>, context: FormatContext) => WrittenFormat;

/**
 * An image's path, or null where it is left out: nobody has looked at it, and a format whose file for it is empty would say
 * that nothing is there. `parts`: whether the format can say which part of the data it is in.
 */
export function pathOf(
  { image, isEmpty }: ExportedItem,
  { head, told, groups }: FormatContext,
  { parts }: { parts: boolean },
): string | null {
  if (isEmpty && !image.knownEmpty) {
    told.count("images_unannotated");
    return null;
  }
  const path = pathIn(image, head);
  if (path !== image.fileName) told.count("images_renamed");
  if (!parts && image.part !== null) told.count("parts");
  if (image.splitGroup !== null)
    groups.push(`${quoted(stemOf(path).replace(/^images\//, ""))},${quoted(image.splitGroup)}\n`);
  return path;
}

const quoted = (cell: string): string => `"${cell.replaceAll('"', '""')}"`;

/** An image's annotations with their pixels; boxes of their own are told. */
export async function* objectsOf(
  { annotations, image }: ExportedItem,
  { told }: FormatContext,
): AsyncGenerator<{ annotation: ExportedAnnotation; cut: CutMask }, void, undefined> {
  for await (const annotation of annotations) {
    const cut = cutOf(annotation, image);
    if (hasOwnBox(annotation, cut)) told.count("boxes");
    yield { annotation, cut };
  }
}

/** An object's rings, or null where it has too many corners and is left out. */
export function outlineOf(
  { image }: ExportedItem,
  annotation: ExportedAnnotation,
  cut: CutMask,
  { options, told }: FormatContext,
): number[][] | null {
  const rings = ringsOf(cut, rleOf(annotation, image), options.tolerance);
  if (rings === null) told.count("too_many_corners");
  return rings;
}

/** The same as one ring, for formats that have no more. */
export function oneOutlineOf(
  ...[item, annotation, cut, context]: Parameters<typeof outlineOf>
): number[] | null {
  const rings = outlineOf(item, annotation, cut, context);
  if (rings === null) return null;
  if (rings.length > 1) context.told.count("parts_joined");
  return joinedRing(rings);
}

/** Numbers that become text together: a mask of noise has millions. */
const numbersTogether = 16_384;

/** Numbers with a separator between, some at a time. */
export function* joined(values: Iterable<number>, separator: string): Generator<string, void, undefined> {
  let some: number[] = [];
  let before = "";
  for (const value of values) {
    some.push(value);
    if (some.length < numbersTogether) continue;
    yield before + some.join(separator);
    before = separator;
    some = [];
  }
  if (some.length > 0) yield before + some.join(separator);
}

/** [[x, y], ...] of a ring. */
export function* pointsOf(ring: readonly number[]): Generator<[number, number], void, undefined> {
  for (let i = 0; i < ring.length; i += 2) yield [ring[i] as number, ring[i + 1] as number];
}
