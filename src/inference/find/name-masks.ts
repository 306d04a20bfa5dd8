import { setImmediate as nextTurn } from "node:timers/promises";
import type { Peak } from "../../imaging/finding/peaks.ts";
import { boxIou } from "../../imaging/geometry.ts";
import { type FindDeps, lowestLogit } from "./find.ts";
import { labelScore } from "./scores.ts";
import type { Named, NameRequest } from "./types.ts";

/** Centres that are looked at; of so many, those of drawn objects are not among the faintest. */
const mostPeaks = 2000;
/** Masks after which whoever waits for the thread has a turn. */
const boxesPerTurn = 64;
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
  const names: (Named | null)[] = [];
  for (const [n, box] of request.boxes.entries()) {
    // Hundreds of masks beside thousands of centres take longer than others should wait.
    if (n % boxesPerTurn === 0) await nextTurn();
    let best: Peak | undefined;
    let overlap = leastOverlap;
    for (const peak of peaks) {
      const iou = boxIou(peak.box, box);
      if (iou > overlap) [best, overlap] = [peak, iou];
    }
    names.push(
      best ? { label: finder.labels[best.label] ?? null, labelScore: labelScore(best.logit, finder) } : null,
    );
  }
  return names;
}
