import type { Finder } from "../../domain/finder.ts";
import type { Peak } from "../../imaging/finding/peaks.ts";
import { boxIou } from "../../imaging/geometry.ts";
import type { Box } from "../../imaging/types.ts";
import { labelScore } from "./scores.ts";
import type { Named } from "./types.ts";

/** Centres that are looked at; of so many, those of drawn objects are not among the faintest. */
const mostPeaks = 2000;
/** A centre's box that overlaps a mask's by less (IoU) is another object's. */
const leastOverlap = 0.3;

/**
 * What a finder calls the objects of some masks, by their tight boxes: of the centres that it sees on the image, `peaks`, the
 * best first, the one whose box is most like the mask's. Null where it sees none there.
 */
export function namesOf(
  peaks: readonly Peak[],
  boxes: readonly Box[],
  finder: Pick<Finder, "labels" | "calibration">,
): (Named | null)[] {
  const looked = peaks.slice(0, mostPeaks);
  return boxes.map((box) => {
    let best: Peak | undefined;
    let overlap = leastOverlap;
    for (const peak of looked) {
      const iou = boxIou(peak.box, box);
      if (iou > overlap) [best, overlap] = [peak, iou];
    }
    return (
      (best && { label: finder.labels[best.label] ?? null, labelScore: labelScore(best.logit, finder) }) ??
      null
    );
  });
}
