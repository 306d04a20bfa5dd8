import { boxIou } from "../../imaging/geometry.ts";
import type { Box, Size } from "../../imaging/types.ts";
import type { EmbedOptions, ImageSource } from "../types.ts";
import { type FindDeps, lowestLogit } from "./find.ts";
import { labelScore } from "./scores.ts";
import type { FindingVersion } from "./types.ts";

/** Centres that are looked at; of so many, those of drawn objects are not among the faintest. */
const mostPeaks = 2000;
/** A centre's box that overlaps a mask's by less (IoU) is another object's. */
const leastOverlap = 0.3;

export interface NameRequest extends Omit<EmbedOptions, "region"> {
  /** With its [height, width], as seen. */
  readonly image: ImageSource & { readonly size: Size };
  readonly version: FindingVersion;
  /** Tight boxes of masks, [x0, y0, x1, y1] in pixels of the image, x1 and y1 exclusive. */
  readonly boxes: readonly Box[];
}

/** What a version takes an object for. */
export interface Named {
  readonly label: string | null;
  /** The expected share of such finds that are objects of the label, in [0, 1]. */
  readonly labelScore: number;
}

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
