import type { Fit } from "../../domain/model-family.ts";
import { lowResMean, lowResSide } from "../../imaging/coordinates.ts";
import type { LogitsMask, RleMask, Size, WireMask } from "../../imaging/types.ts";
import { keptMask } from "../../imaging/kept-mask.ts";
import { maskShare } from "../../imaging/mask-share.ts";
import { readLogits } from "../../imaging/wire-mask.ts";
import { AppError } from "../../lib/errors.ts";

/** Foreground of a binary mask becomes this logit, background and padding its negative: about what SAM itself gives. */
export const certain = 8;

/**
 * A mask prompt as the decoder takes it: [256, 256] logits in the low-res frame.
 * Logits of [256, 256] are taken as they are (an answer's low-res logits, or a 256 x 256 image's own: the same frame);
 * logits at the image's size are averaged over each low-res cell; of a binary mask, a cell's share of foreground s
 * becomes 8 (2 s - 1).
 * Throws what readMask throws, and AppError mask_logits_invalid, mask_size_mismatch (params `mask`, `mask.counts`, ...).
 */
export async function maskPrompt(wire: WireMask, size: Size, fit: Fit = "padded"): Promise<Float32Array> {
  if (wire.format !== "logits") {
    const { mean } = maskShare(await runsOf(wire, size), [0, 0, size[1], size[0]], fit);
    return mean.map((share) => certain * (2 * share - 1));
  }
  const { logits, lowRes } = promptLogits(wire, size);
  if (lowRes) return logits;
  const { mean, valid } = lowResMean(logits, size, fit);
  return mean.map((value, i) => (valid[i] === 1 ? value : -certain));
}

/** A binary mask as the run lengths that it is kept as. Throws what readMask throws. */
export async function runsOf(wire: Exclude<WireMask, LogitsMask>, size: Size): Promise<RleMask> {
  const { counts } = await keptMask(wire, size);
  return { format: "rle", size: [size[0], size[1]], counts };
}

/**
 * Logits as a prompt: [256, 256] in the padded low-res frame (`lowRes`), or of the image's size.
 * Throws AppError mask_logits_invalid, mask_size_mismatch (param `mask`).
 */
export function promptLogits(wire: LogitsMask, size: Size): { logits: Float32Array; lowRes: boolean } {
  const [height, width] = wire.shape;
  const lowRes = height === lowResSide && width === lowResSide;
  if (!lowRes && (height !== size[0] || width !== size[1])) {
    const message = `logits are ${height} x ${width} (height x width); 256 x 256 or the image's ${size[0]} x ${size[1]} are taken`;
    throw new AppError("mask_size_mismatch", message, { param: "mask" });
  }
  return { logits: withinMask(() => readLogits(wire)), lowRes };
}

function withinMask<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof AppError ? error.within("mask") : error;
  }
}
