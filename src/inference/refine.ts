import { guidedLogits } from "../imaging/guided-filter.ts";
import { judgePoints, readHead } from "../imaging/points/head.ts";
import type { Box, RgbImage, Size } from "../imaging/types.ts";
import type { Refine } from "../lib/focus.ts";

/** What is refined: a part of an image at the scale that is worked at. */
export interface RefineTask {
  /** Row-major [height, width]; above 0 is foreground. */
  readonly logits: Float32Array;
  readonly size: Size;
  /** The image below them, of the same size. */
  readonly guide: RgbImage;
  /** That of the prompt in pixels of the area, null where it had none. */
  readonly box: Box | null;
  readonly refine: Refine;
  /** Of onnxruntime; 0 lets it choose. */
  readonly threads: number;
}

/**
 * Pixels that an area should reach beyond all that may be foreground (`activeArea`), so that every pixel that can change
 * sees all that it would see in the whole image.
 */
export const refineRoom = (refine: Refine): number => ("point_head" in refine ? 32 : 2 * refine.radius + 1);

/**
 * Logits of the area, row-major [height, width], refined by the image below them. A pixel whose logit is at most
 * `faintLogit` is background and stays so. Throws an Error where the head's weights are not those of a head.
 */
export async function refineArea({ logits, guide, box, refine }: RefineTask): Promise<Float32Array> {
  if (!("point_head" in refine)) return guidedLogits(logits, guide, refine);
  return judgePoints(logits, guide, { head: readHead(refine), box });
}
