import type { Fit } from "../../domain/model-family.ts";
import { lowResMean } from "../../imaging/coordinates.ts";
import { cropPlane } from "../../imaging/crop.ts";
import { maskShare } from "../../imaging/mask-share.ts";
import { logitsAtSize } from "../../imaging/postprocess.ts";
import type { Box, Size, WireMask } from "../../imaging/types.ts";
import { certain, promptLogits, runsOf } from "./mask-prompt.ts";

/**
 * A mask prompt of a whole image as the decoder takes it for one region: [256, 256] logits in the region's own frame. Low-res logits come in the image's frame, as every answer gives them.
 * Throws what maskPrompt throws.
 */
export async function regionMask(
  wire: WireMask,
  size: Size,
  region: Box,
  fit: Fit = "padded",
): Promise<Float32Array> {
  if (wire.format !== "logits") {
    const { mean } = maskShare(await runsOf(wire, size), region, fit);
    return mean.map((share) => certain * (2 * share - 1));
  }
  const { logits, lowRes } = promptLogits(wire, size);
  const part = cropPlane(lowRes ? logitsAtSize(logits, size, fit) : logits, size, region);
  const { mean, valid } = lowResMean(part, [region[3] - region[1], region[2] - region[0]], fit);
  return mean.map((value, i) => (valid[i] === 1 ? value : -certain));
}
