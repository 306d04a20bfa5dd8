import { boxIou } from "../../imaging/geometry.ts";
import { type FindDeps, lowestLogit } from "./find.ts";
import { labelScore } from "./scores.ts";
import type { Named, NameRequest } from "./types.ts";

/** Centres that are looked at; of so many, those of drawn objects are not among the faintest. */
const mostPeaks = 2000;
/** A centre's box that overlaps a mask's by less (IoU) is another object's. */
const leastOverlap = 0.3;

/**
 * What a version's finder calls the objects of some masks: of the centres that it sees on the image, the one whose box is
 * most like the mask's. Null where it sees none there.
 */
export async function nameMasks(
  deps: Pick<FindDeps, "graphs" | "threads" | "embed" | "weights" | "peaks">,
  request: NameRequest,
): Promise<(Named | null)[]> {
  const { finder } = request.version;
  const { embedding } = await deps.embed(request);
  const { peaks } = await deps.peaks({
    graph: deps.graphs[finder.pool],
    threads: deps.threads,
    weights: await deps.weights(request.version),
    finder,
    embedding,
    floor: lowestLogit,
    asks: [{}],
    most: mostPeaks,
  });
  return request.boxes.map((box) => {
    let [best, overlap] = [-1, leastOverlap];
    for (const [i, peak] of peaks.entries()) {
      const iou = boxIou(peak.box, box);
      if (iou > overlap) [best, overlap] = [i, iou];
    }
    const peak = peaks[best];
    if (!peak) return null;
    return { label: finder.labels[peak.label] ?? null, labelScore: labelScore(peak.logit, finder) };
  });
}
