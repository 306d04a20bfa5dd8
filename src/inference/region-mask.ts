import { cropPlane } from "../imaging/crop.ts";
import { lowResMean } from "../imaging/coordinates.ts";
import { logitsAtSize } from "../imaging/postprocess.ts";
import type { Box, Size, WireMask } from "../imaging/types.ts";
import { readMask } from "../imaging/wire-mask.ts";
import { certain, promptLogits } from "./mask-prompt.ts";

/**
 * A mask prompt of a whole image as the decoder takes it for one region: [256, 256] logits in the region's own padded
 * frame. Low-res logits come in the image's frame, as every answer gives them.
 * Throws what maskPrompt throws.
 */
export async function regionMask(wire: WireMask, size: Size, region: Box): Promise<Float32Array> {
  const part = cropPlane(await atSize(wire, size), size, region);
  const { mean, valid } = lowResMean(part, [region[3] - region[1], region[2] - region[0]]);
  return mean.map((value, i) => (valid[i] === 1 ? value : -certain));
}

async function atSize(wire: WireMask, size: Size): Promise<Float32Array> {
  if (wire.format !== "logits") {
    const { data } = await readMask(wire, size);
    return Float32Array.from(data, (bit) => (bit === 1 ? certain : -certain));
  }
  const { logits, lowRes } = promptLogits(wire, size);
  return lowRes ? logitsAtSize(logits, size) : logits;
}
