import { writeArea } from "../imaging/area-masks.ts";
import { rleAtSize } from "../imaging/rle-at-size.ts";
import { joinedLogits, sizeOf } from "../imaging/stitch.ts";
import { logitsAtSize } from "../imaging/postprocess.ts";
import type { Box, MaskFormat, Size } from "../imaging/types.ts";
import type { PredictedMask } from "./types.ts";

/**
 * One answer of one view: low-res logits [256, 256] of `region` brought to the image's `size` [height, width] and written in
 * the format asked for. Logits keep all of the region's values, the others what is above 0.
 */
export async function predictedMask(
  lowRes: Float32Array,
  score: number,
  wish: { region: Box; size: Size; format: MaskFormat; polygonTolerance: number },
): Promise<Omit<PredictedMask, "lowRes">> {
  const { region, size, format } = wish;
  if (format === "rle") {
    const [left, top] = region;
    const { rle, bbox, area } = rleAtSize(lowRes, sizeOf(region), { at: [left, top], size });
    return { score, bbox, area, mask: rle };
  }
  const logits =
    format === "logits"
      ? { area: region, data: logitsAtSize(lowRes, sizeOf(region)) }
      : joinedLogits(region, [{ region, lowRes }], { threshold: 0 });
  return { score, ...(await writeArea(logits, size, wish)) };
}
