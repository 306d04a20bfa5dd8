import type { CountedCost } from "../../domain/serving.ts";
import { focusCost, type PointedBy, type Refining, warmRatio } from "../../imaging/focus-cost.ts";
import type { Zoom } from "../../domain/focus.ts";
import { type Sample, someOf } from "../data/samples.ts";

/** An answer with all embeddings in memory may take so many times what the base's does, and a new prompt so many encodes. */
export const [mostWarm, mostEncodes] = [1.5, 1];
/** Samples that costs are counted over. */
const most = 24;

/** What answers cost by either way of pointing. */
export type Counted = Readonly<Record<PointedBy, CountedCost>>;

/** What a version with this focus would cost on such objects: the median warm answer, and the most encodes of a cold one. */
export function countedCosts(samples: readonly Sample[], zoom: Zoom | null, refine: Refining): Counted {
  const some = someOf(samples, most, 0);
  const counted = (by: PointedBy): CountedCost => {
    const costs = some.map(({ image, annotation: { box } }) =>
      focusCost({ zoom, refine }, [image.height, image.width], { box, by }),
    );
    const warm = costs.map((cost) => warmRatio(cost, refine)).sort((a, b) => a - b);
    return {
      warm: Math.round(100 * (warm[Math.floor((warm.length - 1) / 2)] as number)) / 100,
      encodes: Math.max(...costs.map(({ encodes }) => encodes)),
    };
  };
  return { box: counted("box"), click: counted("click") };
}

/** Whether a version of that cost answers about as quickly as the base. */
export const isInteractive = ({ box, click }: Counted): boolean =>
  [box, click].every(({ warm, encodes }) => warm <= mostWarm && encodes <= mostEncodes);
