import type { Fit } from "../../domain/model-family.ts";
import { writeArea } from "../../imaging/area-masks.ts";
import { rleAtSize } from "../../imaging/rle-at-size.ts";
import { joinedLogits, sizeOf } from "../../imaging/stitch.ts";
import { logitsFrom } from "../../imaging/logits-source.ts";
import type { Box, MaskFormat, Size } from "../../imaging/types.ts";
import type { PredictedMask } from "../types.ts";

/**
 * One answer of one view: low-res logits [256, 256] of `region` brought to the image's `size` [height, width] and written in
 * the format asked for. Logits keep all of the region's values, the others what is above 0.
 */
export async function predictedMask(
  lowRes: Float32Array,
  score: number,
  wish: { region: Box; size: Size; fit: Fit; format: MaskFormat; polygonTolerance: number },
): Promise<Omit<PredictedMask, "lowRes">> {
  const { region, size, fit, format } = wish;
  if (format === "rle" || format === "logits") {
    const [left, top] = region;
    const { rle, bbox, area } = rleAtSize(lowRes, sizeOf(region), { at: [left, top], size }, fit);
    const mask = format === "rle" ? rle : logitsFrom({ data: lowRes, area: region, lowRes: fit }, size);
    return { score, bbox, area, mask };
  }
  const logits = joinedLogits(region, [{ region, lowRes, fit }], { threshold: 0 });
  return { score, ...(await writeArea(logits, size, wish)) };
}
