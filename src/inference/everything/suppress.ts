import { boxNms } from "../../imaging/nms.ts";
import type { Box } from "../../imaging/types.ts";
import { lastPixels } from "./crop-edge.ts";

/** Boxes to be thinned out, in a worker: tens of thousands would hold up the server's own thread. */
export interface SuppressTask {
  /** [N, 4] float32 in Meta's form, the last pixels named. */
  readonly boxes: Float32Array;
  readonly scores: Float32Array;
  readonly threshold: number;
}

export function suppressTask(
  masks: readonly { readonly bbox: Box }[],
  scores: readonly number[],
  threshold: number,
): SuppressTask {
  const boxes = Float32Array.from(masks.flatMap(({ bbox }) => lastPixels(bbox)));
  return { boxes, scores: Float32Array.from(scores), threshold };
}

/** The indices that stay, best first. */
export const suppress = ({ boxes, scores, threshold }: SuppressTask): number[] =>
  boxNms(boxes, scores, threshold);
