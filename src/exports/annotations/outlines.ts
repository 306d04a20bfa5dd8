import type { ExportedAnnotation, ExportedImage } from "../../db/queries/export-rows.ts";
import { cutMask, type CutMask } from "../../imaging/cut-mask.ts";
import { keptRuns } from "../../imaging/kept-mask.ts";
import { rleIou } from "../../imaging/mask-facts.ts";
import { maskToPolygons, polygonsToRuns } from "../../imaging/polygons.ts";
import type { RleMask } from "../../imaging/types.ts";
import { AppError } from "../../lib/errors.ts";

/** A polygon with fewer corners stands for its mask no worse than this (IoU). */
const leastIou = 0.99;

export const rleOf = ({ counts }: ExportedAnnotation, { width, height }: ExportedImage): RleMask => ({
  format: "rle",
  size: [height, width],
  counts,
});

/** An annotation's pixels in its own box. */
export function cutOf(annotation: ExportedAnnotation, image: ExportedImage): CutMask {
  const cut = cutMask(rleOf(annotation, image));
  if (!cut) throw new Error(`annotation ${annotation.id} has no pixel`);
  return cut;
}

/** Whether its box is another than its mask's. */
export const hasOwnBox = ({ box }: ExportedAnnotation, cut: CutMask): boolean =>
  box.some((value, i) => value !== cut.box[i]);

/**
 * Rings [x, y, ...] along a mask's pixel edges, one a part, holes bridged within: they decode to the very mask. With a
 * `tolerance` (pixels) they have fewer corners, as few as leave an IoU of .99. Null where there are too many.
 */
export function ringsOf(cut: CutMask, rle: RleMask, tolerance: number): number[][] | null {
  const [left, top] = cut.box;
  const moved = (by: number): number[][] =>
    maskToPolygons(cut, by).map((ring) => ring.map((value, i) => value + (i % 2 === 0 ? left : top)));
  try {
    for (let by = tolerance; by >= 0.25; by /= 2) {
      const rings = moved(by);
      if (standsFor(rings, rle)) return rings;
    }
    return moved(0);
  } catch (error) {
    if (error instanceof AppError && error.code === "answer_too_large") return null;
    throw error;
  }
}

function standsFor(rings: readonly number[][], rle: RleMask): boolean {
  const [height, width] = rle.size;
  try {
    const { counts } = keptRuns(polygonsToRuns(rings, width, height), rle.size);
    return rleIou({ ...rle, counts }, rle) >= leastIou;
  } catch (error) {
    // Nothing may be left of a small ring.
    if (error instanceof AppError) return false;
    throw error;
  }
}

/** Several parts as one ring, for formats with one a object: out over bridges of no width, and back over the same. */
export function joinedRing(rings: readonly (readonly number[])[]): number[] {
  const [first = [], ...others] = rings;
  if (others.length === 0) return [...first];
  const out = [...first, ...first.slice(0, 2)];
  for (const ring of others) {
    for (const value of ring) out.push(value);
    out.push(...ring.slice(0, 2));
  }
  for (const ring of others.slice(0, -1).toReversed()) out.push(...ring.slice(0, 2));
  return out;
}
