import { areaOf, boxOf } from "../../imaging/geometry.ts";
import { removeSmallRegions } from "../../imaging/regions.ts";
import { decodeRle } from "../../imaging/rle.ts";
import type { BinaryMask, Box, MaskFormat, Size, WireMask } from "../../imaging/types.ts";
import { writeMask } from "../../imaging/wire-mask.ts";
import { isWhole } from "../embedding/regions.ts";
import type { Candidate } from "./types.ts";

/** Masks that stay, to be cleaned and written as asked for. */
export interface WriteTask {
  readonly masks: readonly Pick<Candidate, "mask" | "crop" | "bbox" | "area">[];
  /** [height, width] of the whole image. */
  readonly size: Size;
  /** Holes and islands below so many pixels go; 0 leaves them. */
  readonly minArea: number;
  readonly format: Exclude<MaskFormat, "logits">;
  /** As in PredictRequest; 0 where it is left out. */
  readonly polygonTolerance?: number | undefined;
}

export interface WrittenMask {
  readonly bbox: Box;
  readonly area: number;
  /** Whether holes or islands were changed. */
  readonly changed: boolean;
  readonly mask: WireMask;
}

/**
 * Masks at the image's size, in the format asked for.
 * Source: segment-anything automatic_mask_generator.py, postprocess_small_regions (its second NMS is the caller's).
 */
export async function writeMasks({
  masks,
  size,
  minArea,
  format,
  polygonTolerance,
}: WriteTask): Promise<WrittenMask[]> {
  const written: WrittenMask[] = [];
  for (const { mask, crop, bbox, area } of masks) {
    if (format === "rle" && minArea === 0 && isWhole(crop, size)) {
      written.push({ bbox, area, changed: false, mask });
      continue;
    }
    const whole = uncrop(decodeRle(mask), crop, size);
    if (minArea === 0) {
      written.push({ bbox, area, changed: false, mask: await writeMask(whole, format, polygonTolerance) });
      continue;
    }
    const filled = removeSmallRegions(whole, minArea, "holes");
    const clean = removeSmallRegions(filled.mask, minArea, "islands");
    written.push({
      bbox: boxOf(clean.mask),
      area: areaOf(clean.mask),
      changed: filled.changed || clean.changed,
      mask: await writeMask(clean.mask, format, polygonTolerance),
    });
  }
  return written;
}

/** A crop's mask on the whole image, which is background elsewhere. Source: utils/amg.py, uncrop_masks. */
function uncrop(mask: BinaryMask, crop: Box, size: Size): BinaryMask {
  if (isWhole(crop, size)) return mask;
  const [height, width] = size;
  const data = new Uint8Array(width * height);
  for (let y = 0; y < mask.height; y++) {
    const row = mask.data.subarray(y * mask.width, (y + 1) * mask.width);
    data.set(row, (y + crop[1]) * width + crop[0]);
  }
  return { width, height, data };
}
