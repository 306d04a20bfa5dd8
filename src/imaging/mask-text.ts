import { textLength } from "./logits-source.ts";
import type { WireMask } from "./types.ts";

/** Characters of a coordinate and its comma. */
const ofNumber = 5;

/** About how many characters a mask is as JSON; what is left to be written counts with its whole text. */
export function maskTextLength(mask: WireMask): number {
  if (mask.format === "rle") return mask.counts.length;
  if (mask.format === "polygon") return mask.polygons.reduce((sum, ring) => sum + ofNumber * ring.length, 0);
  return mask.format === "logits" && mask.source ? textLength(mask.shape) : mask.data.length;
}
