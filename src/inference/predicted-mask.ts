import { areaOf, boxOf } from "../imaging/geometry.ts";
import { logitsAtSize, maskAtSize } from "../imaging/postprocess.ts";
import { rleAtSize } from "../imaging/rle-at-size.ts";
import type { BinaryMask, MaskFormat, Size } from "../imaging/types.ts";
import { writeLogits, writeMask } from "../imaging/wire-mask.ts";
import type { PredictedMask } from "./types.ts";

/** One answer: low-res logits [256, 256] brought to the original size and written in the format asked for. */
export async function predictedMask(
  lowRes: Float32Array,
  score: number,
  size: Size,
  { format, polygonTolerance }: { format: MaskFormat; polygonTolerance: number },
): Promise<Omit<PredictedMask, "lowRes">> {
  if (format === "rle") {
    const { rle, bbox, area } = rleAtSize(lowRes, size);
    return { score, bbox, area, mask: rle };
  }
  if (format !== "logits") {
    const mask = maskAtSize(lowRes, size);
    const bbox = boxOf(mask);
    const written = await writeMask(mask, format, polygonTolerance, bbox);
    return { score, bbox, area: areaOf(mask, bbox), mask: written };
  }
  return maskOfLogits(logitsAtSize(lowRes, size), score, size, { format, polygonTolerance });
}

/** The same of logits at the original size, row-major [height, width]. */
export async function maskOfLogits(
  logits: Float32Array,
  score: number,
  size: Size,
  { format, polygonTolerance }: { format: MaskFormat; polygonTolerance: number },
): Promise<Omit<PredictedMask, "lowRes">> {
  const data = new Uint8Array(logits.length);
  for (let i = 0; i < data.length; i++) data[i] = (logits[i] as number) > 0 ? 1 : 0;
  const mask: BinaryMask = { width: size[1], height: size[0], data };
  const written =
    format === "logits" ? writeLogits(logits, size) : await writeMask(mask, format, polygonTolerance);
  const bbox = boxOf(mask);
  return { score, bbox, area: areaOf(mask, bbox), mask: written };
}
