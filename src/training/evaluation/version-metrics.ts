import type { Evaluation } from "../../domain/evaluation.ts";
import type { GateDecision } from "../../domain/gate.ts";
import type { TrainingFeedback, VersionMetrics } from "../../domain/version.ts";
import type { TrainingResult } from "../loop/loop.ts";
import { lossText } from "../engine/objective.ts";
import type { PreparedData } from "../data/prepare.ts";
import type { Trial } from "../search/trials.ts";
import { meanScores, type Score } from "./score.ts";

/** In the order of the held-out samples, exact boxes. */
export interface BoxScores {
  readonly base: readonly Score[];
  /** Scores of the version that training started from; none where that was the base. */
  readonly parent?: readonly Score[] | undefined;
  readonly tuned: readonly Score[];
  /** Scores of the tuned decoder on the whole image, nothing refined; those of `tuned` where that is how it is served. */
  readonly decoderAlone: readonly Score[];
}

/** What a version tells of itself. */
export function versionMetrics(
  data: PreparedData,
  { base, parent, tuned, decoderAlone }: BoxScores,
  {
    result,
    trials,
    evaluation,
    gate,
  }: { result: TrainingResult; trials: readonly Trial[]; evaluation: Evaluation; gate: GateDecision },
): VersionMetrics {
  return {
    heldOut: {
      images: data.counts.heldOut,
      annotations: data.heldOut.length,
      base: meanScores(base),
      ...(parent && { parent: meanScores(parent) }),
      tuned: meanScores(tuned),
      decoderAlone: meanScores(decoderAlone),
    },
    perAnnotation: data.heldOut.map(({ image, annotation }, i) => ({
      imageId: image.id,
      annotationId: annotation.id,
      baseIou: (base[i] as Score).iou,
      tunedIou: (tuned[i] as Score).iou,
    })),
    curve: result.curve.map(({ epoch, trainLoss, selectionIou, selectionInterval }) => ({
      epoch,
      trainLoss,
      selectionIou,
      selectionInterval,
    })),
    bestEpoch: result.bestEpoch,
    feedback: feedbackOf(data, result),
    trials: trials.map(({ trial, rung, candidate, zoom, samples, meanIou }) => ({
      trial,
      rung,
      zoom,
      loss: lossText(candidate.loss),
      learningRate: candidate.learningRate,
      turns: candidate.turns ?? false,
      samples,
      meanIou,
    })),
    split: { ...data.counts, nearDuplicates: data.nearDuplicates },
    evaluation,
    gate,
  };
}

function feedbackOf({ train }: PreparedData, { curve }: TrainingResult): TrainingFeedback {
  const made = (by: "accept" | "correct"): number =>
    train.filter(({ annotation }) => annotation.feedback?.action === by).length;
  const sum = (of: "all" | "real"): number => curve.reduce((all, at) => all + (at.prompts?.[of] ?? 0), 0);
  return {
    corrected: made("correct"),
    accepted: made("accept"),
    prompts: sum("all"),
    realPrompts: sum("real"),
  };
}
