/** Mask files of any format: what their values mean, and the objects in them. */
import { type LabelMap, masksOfLabels, partsOf } from "../imaging/label-map.ts";
import { anything, type Meant, meantBy } from "../imaging/mask-meaning.ts";
import { maskSize, type MaskValues, readMaskValues } from "../imaging/mask-values.ts";
import { AppError } from "../lib/errors.ts";
import type { Box } from "../imaging/types.ts";
import type { FoundObject, Frame, PlannedMask } from "./plan.ts";
import type { FormatContext } from "./types.ts";
import type { ValueNames } from "./value-names.ts";

/** Masks of a set that are looked at before it is decided what its values mean. */
const sampled = 12;
/** A mask that is looked at before its image is known has at most so many pixels. */
const samplePixels = 32_000_000;
/** Rounding of an odd size makes a mask so many pixels larger or smaller than its image. */
const sizeSlack = 2;

/** What the mask files of one set hold, decided for all of them together. */
export interface MaskStyle {
  /** Whether a value is an object or a class; else everything that is not background is one object. */
  readonly labels: boolean;
  /** Whether values are numbers of objects, and not of classes. */
  readonly instances: boolean;
  /** Whether the object is what is black. */
  readonly inverted: boolean;
}

/** Looks at some of a set's mask files. */
export async function styleOf(files: readonly string[], context: FormatContext): Promise<MaskStyle> {
  const { masks } = context.choices;
  if (masks === "binary") return { labels: false, instances: false, inverted: false };
  const meant: Meant[] = [];
  for (const file of spread(files, sampled)) {
    const values = await sample(file, context);
    if (values) meant.push(meantBy(values));
  }
  const labels = masks !== "auto" || meant.some(({ meaning }) => meaning === "labels");
  const instances = masks === "instances" || (masks === "auto" && labels && areInstances(meant));
  const single = meant.filter(({ meaning }) => meaning === "binary" || meaning === "soft");
  const inverted = !labels && single.length > 0 && single.every(({ map }) => looksInverted(map));
  return { labels, instances, inverted };
}

function spread(files: readonly string[], most: number): string[] {
  if (files.length <= most) return [...files];
  return Array.from({ length: most }, (_, i) => files[Math.floor((i * files.length) / most)] as string);
}

/** Null for a file that can't be looked at; its own time will tell why. */
export async function sample(
  file: string,
  { zip, signal, reading }: FormatContext,
): Promise<MaskValues | null> {
  reading?.(file);
  try {
    return await readMaskValues(await zip.read(file, signal), { maxPixels: samplePixels });
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
}

/** Numbers of objects: hardly a value lies in several parts. */
function areInstances(meant: readonly Meant[]): boolean {
  let [values, parts] = [0, 0];
  for (const { meaning, map } of meant) {
    if (meaning !== "labels") continue;
    const found = partsOf(map).valueOf.slice(1);
    values += new Set(found).size;
    parts += found.length;
  }
  return parts <= 1.1 * values;
}

/** Whether foreground covers most of the picture and nearly all of its border. */
function looksInverted({ width, height, values }: LabelMap): boolean {
  let [area, border, edge] = [0, 0, 0];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const value = values[i] as number;
      area += value;
      if (x > 0 && y > 0 && x + 1 < width && y + 1 < height) continue;
      edge++;
      border += value;
    }
  }
  return area > 0.5 * values.length && area < values.length && border > 0.95 * edge;
}

/** A mask file as a format plans it. `label` is that of the whole file; null where its values say it, or nothing does. */
export function plannedFile(
  file: string,
  label: string | null,
  style: MaskStyle,
  context: FormatContext,
  names: ValueNames | null = null,
): PlannedMask {
  return {
    place: { file },
    label,
    read: async (frame, signal) => {
      const values = await readAtSize(file, frame, context, signal);
      return objectsIn(values, style, context, names, file);
    },
  };
}

/** A mask file's values at the size of its image. Throws AppError mask_size_mismatch or mask_png_invalid. */
export async function readAtSize(
  file: string,
  frame: Frame,
  { zip, report }: FormatContext,
  signal?: AbortSignal,
): Promise<MaskValues> {
  const bytes = await zip.read(file, signal);
  const { width, height } = await maskSize(bytes);
  const [dx, dy] = [Math.abs(width - frame.width), Math.abs(height - frame.height)];
  if (dx > sizeSlack || dy > sizeSlack)
    throw new AppError(
      "mask_size_mismatch",
      `the mask is ${width} x ${height} pixels (width x height), the image ${frame.width} x ${frame.height}`,
    );
  const values = await readMaskValues(bytes, { maxPixels: width * height });
  if (dx === 0 && dy === 0) return values;
  report.tell(
    "mask_cut",
    "masks that are a pixel or two larger or smaller than their image were cut or filled up",
  );
  return { ...values, ...atSize(values, frame) };
}

function atSize({ width, height, values }: LabelMap, to: { width: number; height: number }): LabelMap {
  const out = new (values.constructor as Uint8ArrayConstructor)(to.width * to.height);
  for (let y = 0; y < Math.min(height, to.height); y++)
    out.set(values.subarray(y * width, y * width + Math.min(width, to.width)), y * to.width);
  return { ...to, values: out };
}

/** The objects of a mask file. None: it holds nothing. Throws AppError mask_not_binary for a picture. */
export function objectsIn(
  values: MaskValues,
  style: MaskStyle,
  { choices, report }: FormatContext,
  names: ValueNames | null,
  file: string,
): FoundObject[] {
  const meant =
    choices.masks === "binary"
      ? ({ meaning: "binary", map: anything(values), hasVoid: false } as const)
      : meantBy(values, { labels: style.labels || names !== null });
  if (meant.meaning === "picture")
    throw new AppError("mask_not_binary", "its values are those of a picture, not of a mask");
  if (meant.hasVoid) report.tell("void", "pixels that are marked as void (255) belong to no object");
  if (meant.meaning === "soft") report.tell("soft", "masks with soft edges were cut at half");
  const map = style.inverted && meant.meaning !== "empty" ? invertedMap(meant.map) : meant.map;
  if (style.inverted && meant.meaning !== "empty")
    report.tell("inverted", "masks are black on white: what is black was taken for the object");
  if (meant.meaning === "empty") return [];
  const background = names ? names.background(values) : new Set<number>();
  if (choices.splitParts) {
    const { map: parts, valueOf } = partsOf(map);
    return objectsOf(parts, new Set(), file).flatMap(({ value, ...mask }) => {
      const own = valueOf[value] as number;
      return background.has(own) ? [] : [labelled(mask, own, values, style, names)];
    });
  }
  return objectsOf(map, background, file).map(({ value, ...mask }) =>
    labelled(mask, value, values, style, names),
  );
}

function labelled(
  mask: { counts: string; area: number; box: Box },
  value: number,
  values: MaskValues,
  style: MaskStyle,
  names: ValueNames | null,
): FoundObject {
  const label = names?.label(value, values);
  return label === undefined || style.instances ? mask : { ...mask, label };
}

function objectsOf(map: LabelMap, without: ReadonlySet<number>, file: string) {
  const found = masksOfLabels(map, without);
  if (!found) throw new AppError("mask_not_binary", `${file} has more values than objects can be`);
  return [...found].map(([value, mask]) => ({ value, ...mask }));
}

const invertedMap = ({ width, height, values }: LabelMap): LabelMap => ({
  width,
  height,
  values: Uint8Array.from(values, (value) => (value === 0 ? 1 : 0)),
});
