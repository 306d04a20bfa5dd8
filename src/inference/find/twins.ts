import { boxIou } from "../../imaging/geometry.ts";
import { rleIou } from "../../imaging/mask-facts.ts";
import type { Box, RleMask } from "../../imaging/types.ts";

/** Masks of one image, the best first. */
export interface TwinsTask {
  readonly masks: readonly { readonly mask: RleMask; readonly bbox: Box }[];
}

/** Two boxes of one object overlap by more (IoU). */
export const sameBox = 0.5;

/** Two masks show the same object where they overlap by more (IoU). */
export const sameObject = 0.5;

/** The places of the masks that stay: of those that show the same object, the first. */
export function withoutTwins({ masks }: TwinsTask): number[] {
  const kept: number[] = [];
  for (const [i, { mask, bbox }] of masks.entries()) {
    const isNew = kept.every((at) => {
      const other = masks[at] as TwinsTask["masks"][number];
      // Masks whose boxes hardly meet can't be the same.
      return boxIou(other.bbox, bbox) < sameObject / 2 || rleIou(other.mask, mask) <= sameObject;
    });
    if (isNew) kept.push(i);
  }
  return kept;
}
