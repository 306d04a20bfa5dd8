import { encodeBrush } from "../../imaging/brush-rle.ts";
import { cutMask, type CutMask } from "../../imaging/cut-mask.ts";
import { type BrushMask, keptMask, type KeptMask } from "../../imaging/kept-mask.ts";
import { eachColumnRun, rleIou } from "../../imaging/mask-facts.ts";
import { maskToPolygons } from "../../imaging/polygons.ts";
import type { Box, RleMask, Size, WireMask } from "../../imaging/types.ts";
import { AppError } from "../../lib/errors.ts";
import { type Outcome, settle } from "../../lib/outcome.ts";

export interface KeepTask {
  readonly wire: WireMask | BrushMask;
  /** [height, width] of the image. */
  readonly size: Size;
  /** A box of which is asked whether it holds any of the mask. */
  readonly box?: Box | undefined;
}

/** A mask as it is kept, and whether the task's box, if there is one, holds a pixel of it. */
export type ReadMask = KeptMask & { readonly inBox: boolean };

/** The work itself, wherever it is done. */
export async function keep({ wire, size, box }: KeepTask): Promise<ReadMask> {
  const kept = await keptMask(wire, size);
  if (!box) return { ...kept, inBox: true };
  const [left, top] = [Math.floor(box[0]), Math.floor(box[1])];
  const [right, bottom] = [Math.ceil(box[2]), Math.ceil(box[3])];
  let inBox = false;
  eachColumnRun({ format: "rle", size: [size[0], size[1]], counts: kept.counts }, (x, y0, y1) => {
    inBox ||= x >= left && x < right && y0 < bottom && y1 > top;
  });
  return { ...kept, inBox };
}

export const keepApart = (task: KeepTask): Promise<Outcome<ReadMask>> => settle(() => keep(task));

/** A mask as Label Studio's brush; of one without a pixel, all of it background. */
export function brushOf(rle: RleMask): Uint8Array {
  const cut = cutMask(rle) ?? { width: 0, height: 0, data: new Uint8Array(), box: [0, 0, 0, 0] };
  return encodeBrush(cut, cut.box, rle.size);
}

export const brushApart = (rle: RleMask): Promise<Outcome<Uint8Array>> => settle(async () => brushOf(rle));

export interface CutTask {
  readonly rle: RleMask;
  /** Left out, no outline is made. */
  readonly outline?: Outlining | undefined;
}

export interface Outlining {
  /** Pixels that a corner left out may lie from the edge. */
  readonly tolerance: number;
  /** Corners of all rings together; with more there is no outline. */
  readonly mostCorners: number;
}

/** A mask's pixels in its own box, and its outline in pixels of that box; null where it has too many corners. */
export type OutlinedCut = CutMask & { readonly rings: number[][] | null };

/** Null for a mask without a pixel. Throws AppError mask_rle_invalid. */
export function outlinedCut({ rle, outline }: CutTask): OutlinedCut | null {
  const cut = cutMask(rle);
  return cut && { ...cut, rings: outline ? ringsOf(cut, outline) : null };
}

function ringsOf(cut: CutMask, { tolerance, mostCorners }: Outlining): number[][] | null {
  try {
    const rings = maskToPolygons(cut, tolerance);
    return rings.reduce((sum, ring) => sum + ring.length, 0) <= 2 * mostCorners ? rings : null;
  } catch (error) {
    if (error instanceof AppError && error.code === "answer_too_large") return null;
    throw error;
  }
}

export const cutApart = (task: CutTask): Promise<Outcome<OutlinedCut | null>> =>
  settle(async () => outlinedCut(task));

export const iou = ([a, b]: readonly [RleMask, RleMask]): Promise<Outcome<number>> =>
  settle(async () => rleIou(a, b));
