import type { Evaluation, GateDecision, VersionMetrics } from "../../db/schema/index.ts";
import type { TrainingResult } from "../loop.ts";
import type { PreparedData } from "../prepare.ts";
import { meanScores, type Score } from "./score.ts";

/** In the order of the held-out samples, exact boxes. */
export interface BoxScores {
  readonly base: readonly Score[];
  /** Of the version that training started from; none where that was the base. */
  readonly parent?: readonly Score[] | undefined;
  readonly tuned: readonly Score[];
}

/** What a version tells of itself. */
export function versionMetrics(
  data: PreparedData,
  { base, parent, tuned }: BoxScores,
  { result, evaluation, gate }: { result: TrainingResult; evaluation: Evaluation; gate: GateDecision },
): VersionMetrics {
  return {
    heldOut: {
      images: data.counts.heldOut,
      annotations: data.heldOut.length,
      base: meanScores(base),
      ...(parent && { parent: meanScores(parent) }),
      tuned: meanScores(tuned),
    },
    perAnnotation: data.heldOut.map(({ image, annotation }, i) => ({
      imageId: image.id,
      annotationId: annotation.id,
      baseIou: (base[i] as Score).iou,
      tunedIou: (tuned[i] as Score).iou,
    })),
    curve: result.curve.map(({ epoch, trainLoss, selectionIou }) => ({ epoch, trainLoss, selectionIou })),
    bestEpoch: result.bestEpoch,
    split: { ...data.counts, nearDuplicates: data.nearDuplicates },
    evaluation,
    gate,
  };
}
