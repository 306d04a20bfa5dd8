/** Scores of one decoder on the held-out images, box prompts, at the original size. IoU and Dice in [0, 1]. */
export interface HeldOutScores {
  meanIou: number;
  meanDice: number;
}

/** How an object is pointed at: see training/evaluation/prompt-kinds.ts. */
export type PromptKind = "box" | "jittered_box" | "one_click" | "three_clicks" | "click_refine";

/** Scores of one decoder for one kind of prompt, means over annotations; each in [0, 1]. */
export interface PromptScores extends HeldOutScores {
  meanBoundaryIou: number;
  /** Expected calibration error of the decoder's own IoU predictions. */
  calibrationError: number;
}

/** Tuned less base, mean over annotations, with its 95 % interval over groups; null where one group is all. */
export interface PairedGain {
  mean: number;
  low: number | null;
  high: number | null;
}

export interface PromptMetrics {
  kind: PromptKind;
  annotations: number;
  /** Groups of images, which the interval is taken over. */
  groups: number;
  base: PromptScores;
  tuned: PromptScores;
  gain: { iou: PairedGain; dice: PairedGain; boundaryIou: PairedGain };
}

export interface Evaluation {
  /** The exact box on all held-out annotations; the others on some of them, drawn by a fixed seed. */
  prompts: PromptMetrics[];
  /** One row per image and kind, in the order of `perAnnotation`. */
  perImage: { imageId: string; kind: PromptKind; annotations: number; baseIou: number; tunedIou: number }[];
  /** By gain with the exact box: what to look at first. */
  examples: { best: string; median: string; worst: string };
}

/**
 * Annotations that are scored with every kind of prompt. One takes five decodes of base and tuned each, and with a zoom
 * two or more encodes of its own.
 */
export const mostWithAllKinds = 20;
