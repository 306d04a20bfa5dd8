import { type LabelMap, mostLabels } from "./label-map.ts";
import type { MaskValues } from "./mask-values.ts";

/**
 * What the values of a mask file mean, by themselves:
 * `empty` no foreground, `binary` one value, `soft` one object whose edge is smoothed, `labels` a value an object or a
 * class, `picture` no mask at all.
 */
export type MaskMeaning = "empty" | "binary" | "soft" | "labels" | "picture";

/** PASCAL VOC's border: pixels that belong to nobody. */
const voidColour = 0xe0e0c0;
/** In maps of small numbers, what annotators left undecided. */
const voidValue = 255;
/** Above this a map of 255 and other values has too many of them for 255 to be apart. */
const smallValues = 200;

export interface Meant {
  readonly meaning: MaskMeaning;
  /** What of the values is foreground, void values taken out; soft and binary masks have 1 alone. */
  readonly map: LabelMap;
  /** Whether pixels were void. */
  readonly hasVoid: boolean;
}

/** Reads a mask by its values; `labels` says that the masks beside it hold labels. */
export function meantBy(mask: MaskValues, { labels = false } = {}): Meant {
  const counts = countsOf(mask.values);
  if (!counts) return { meaning: "picture", map: mask, hasVoid: false };
  if (mask.kind === "colour") return meantByColours(mask, counts, labels);
  const values = [...counts.keys()].filter((value) => value !== 0).sort((a, b) => a - b);
  if (values.length === 0) return { meaning: "empty", map: mask, hasVoid: false };
  if (mask.kind === "index" && isBlackAndWhite(mask.palette, counts)) return byColourOfIndex(mask);
  const withVoid = isVoid(values, mask, labels);
  if (withVoid) return { meaning: "labels", map: without(mask, voidValue), hasVoid: true };
  if (values.length === 1)
    return labels
      ? { meaning: "labels", map: mask, hasVoid: false }
      : { meaning: "binary", map: foreground(mask, 1), hasVoid: false };
  if (mask.kind === "grey" && isSoft(mask, counts, values.at(-1) as number)) {
    const half = (values.at(-1) as number) / 2;
    return { meaning: "soft", map: foreground(mask, half), hasVoid: false };
  }
  // Numbers of objects cover areas; a photograph's shades do not.
  if (values.length > 32 && flatShare(mask.values, mask.width, 0, Infinity) < 0.3)
    return { meaning: "picture", map: mask, hasVoid: false };
  if (mask.format === "jpeg") return { meaning: "picture", map: mask, hasVoid: false };
  return { meaning: "labels", map: mask, hasVoid: false };
}

/** Every value but 0 as one object. */
export const anything = (mask: MaskValues): LabelMap => foreground(mask, 1);

function countsOf(values: LabelMap["values"]): Map<number, number> | null {
  const counts = new Map<number, number>();
  let [last, run] = [-1, 0];
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (value === last) {
      run++;
      continue;
    }
    if (run > 0) counts.set(last, (counts.get(last) ?? 0) + run);
    if (counts.size > 16 * mostLabels) return null;
    [last, run] = [value, 1];
  }
  if (run > 0) counts.set(last, (counts.get(last) ?? 0) + run);
  return counts;
}

function isVoid(values: readonly number[], mask: MaskValues, labels: boolean): boolean {
  if (values.at(-1) !== voidValue || mask.format === "jpeg") return false;
  const below = values.at(-2) ?? 0;
  if (labels || mask.kind === "index") return values.length > 1 && below < smallValues;
  // 0, 1 and 255 hold a class and its border; 0, 16, 32 ... 255 a smoothed edge.
  return values.length > 1 && below < 64 && values.length - 1 >= below / 2;
}

/** Whether what lies between background and foreground lies at edges alone. */
function isSoft(mask: MaskValues, counts: Map<number, number>, most: number): boolean {
  const [low, high] = mask.format === "jpeg" ? [0.25 * most, 0.75 * most] : [0, most];
  let between = 0;
  for (const [value, count] of counts) if (value > low && value < high) between += count;
  let top = 0;
  for (const [value, count] of counts) if (value >= high) top += count;
  if (mask.format === "jpeg") return between < 0.1 * mask.values.length && top > 0;
  return between < 2 * top && flatShare(mask.values, mask.width, low, high) < 0.5;
}

/** Share of the pixels with a value in (low, high) whose right and lower neighbours have the same. */
function flatShare(values: LabelMap["values"], width: number, low: number, high: number): number {
  let [all, flat] = [0, 0];
  for (let i = 0; i + width < values.length; i++) {
    const value = values[i] as number;
    if (value <= low || value >= high) continue;
    all++;
    if (values[i + 1] === value && values[i + width] === value) flat++;
  }
  return all === 0 ? 0 : flat / all;
}

function foreground(mask: LabelMap, from: number): LabelMap {
  const values = new Uint8Array(mask.values.length);
  for (let i = 0; i < values.length; i++) if ((mask.values[i] as number) >= from) values[i] = 1;
  return { width: mask.width, height: mask.height, values };
}

function without(mask: LabelMap, value: number): LabelMap {
  return { width: mask.width, height: mask.height, values: mask.values.map((v) => (v === value ? 0 : v)) };
}

const black = 0x000000;
const white = 0xffffff;

/** A palette of two shades says by its colours which of them is the object. */
const isBlackAndWhite = (palette: MaskValues["palette"], counts: Map<number, number>): boolean =>
  counts.size <= 2 &&
  [...counts.keys()].every((index) => palette?.[index] === black || palette?.[index] === white);

function byColourOfIndex(mask: MaskValues): Meant {
  const values = Uint8Array.from(mask.values, (index) => (mask.palette?.[index] === white ? 1 : 0));
  const map = { width: mask.width, height: mask.height, values };
  return { meaning: values.includes(1) ? "binary" : "empty", map, hasVoid: false };
}

/** Colours of an edge between two, or of a JPEG's noise, are those nearest to them of the colours that cover areas. */
function meantByColours(mask: MaskValues, counts: Map<number, number>, labels: boolean): Meant {
  const pixels = mask.values.length;
  const least = Math.max(9, pixels * 0.002);
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  const jpeg = mask.format === "jpeg";
  if (!jpeg && counts.size > 32 && flatShare(mask.values, mask.width, -1, Infinity) < 0.3)
    return { meaning: "picture", map: mask, hasVoid: false };
  const peaks: number[] = [];
  let covered = 0;
  for (const [colour, count] of sorted) {
    const isNew = peaks.every((peak) => distance(peak, colour) > (jpeg ? 60 : 0));
    if (isNew && (peaks.length >= 256 || (count < least && (jpeg || counts.size > 256)))) continue;
    if (isNew) peaks.push(colour);
    covered += count;
  }
  if (covered < 0.7 * pixels || peaks.length > 250) return { meaning: "picture", map: mask, hasVoid: false };
  const nearest = new Map<number, number>();
  for (const colour of counts.keys()) {
    let best = peaks[0] as number;
    for (const peak of peaks) if (distance(peak, colour) < distance(best, colour)) best = peak;
    nearest.set(colour, best);
  }
  const hasVoid = nearest.get(voidColour) === voidColour;
  const values = new Uint32Array(pixels);
  for (let i = 0; i < pixels; i++) {
    const colour = nearest.get(mask.values[i] as number) as number;
    values[i] = colour === voidColour ? 0 : colour;
  }
  const kept = peaks.filter((colour) => colour !== 0 && colour !== voidColour);
  const map = { width: mask.width, height: mask.height, values };
  if (kept.length === 0) return { meaning: "empty", map, hasVoid };
  return { meaning: kept.length === 1 && !labels ? "binary" : "labels", map, hasVoid };
}

const distance = (a: number, b: number): number =>
  Math.abs((a >> 16) - (b >> 16)) +
  Math.abs(((a >> 8) & 255) - ((b >> 8) & 255)) +
  Math.abs((a & 255) - (b & 255));
