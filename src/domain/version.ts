import type { BaseChoice } from "./base-choice.ts";
import type { Evaluation, HeldOutScores } from "./evaluation.ts";
import type { FinderMetrics } from "./finder.ts";
import type { Focus, Zoom } from "./focus.ts";
import type { GateDecision } from "./gate.ts";
import type { VersionLatency, VersionServing } from "./serving.ts";

/** A short training that was tried before the recipe was chosen; see training/search/search.ts. */
export interface VersionTrial {
  trial: number;
  rung: "zoom" | "recipe" | "final" | "flips" | "other";
  zoom: Zoom | null;
  loss: string;
  learningRate: number;
  /** Whether samples were turned; left out for no. */
  turns?: boolean;
  /** Training samples on each half of the data. */
  samples: number;
  /** Mean IoU on the other half, over both. */
  meanIou: number;
}

/** Before, after and truth of one held-out sample, drawn when the version was made. */
export interface VersionPicture {
  /** By gain, as `examples`. */
  kind: "best" | "median" | "worst";
  /** In the object store. */
  key: string;
  sha256: string;
}

export interface VersionEpoch {
  epoch: number;
  trainLoss: number | null;
  selectionIou: number;
  /** 95 % interval of selectionIou over images; null where one image chose, and none where it was not kept yet. */
  selectionInterval?: { low: number | null; high: number | null };
}

/** How much of a training came from people's corrections and acceptances, and from how they had prompted. */
export interface TrainingFeedback {
  /** Annotations that trained and that a correction or an acceptance had made. */
  corrected: number;
  accepted: number;
  /** Prompts of all training steps, and how many of them began as people had prompted. */
  prompts: number;
  realPrompts: number;
}

export interface VersionMetrics {
  heldOut: {
    images: number;
    annotations: number;
    base: HeldOutScores;
    /** Scores of the version that training started from; none where that was the base. */
    parent?: HeldOutScores;
    /** As it is served, with its focus. */
    tuned: HeldOutScores;
    /** Scores of its decoder on the whole image, nothing refined: what files that hold the decoder alone do. Older versions have none. */
    decoderAlone?: HeldOutScores;
  };
  /** One row per held-out annotation, in a stable order. */
  perAnnotation: { imageId: string; annotationId: string; baseIou: number; tunedIou: number }[];
  /** By epoch; epoch 0 is the untouched start. */
  curve: VersionEpoch[];
  bestEpoch: number;
  /** What people's feedback gave to the training; versions of before it was counted have none. */
  feedback?: TrainingFeedback;
  /** Empty where nothing was searched; versions of before there was a search have none. */
  trials?: VersionTrial[];
  /** Images in each set; `nearDuplicates` of all look like others and stand on the same side as those. */
  split: { train: number; selection: number; heldOut: number; nearDuplicates?: number };
  /** Versions of before it was measured have none. */
  evaluation?: Evaluation;
  gate?: GateDecision;
  /** Where this fine-tune chose its project's base model: what the others came to. */
  baseChoice?: BaseChoice;
  /** Versions of before they were measured have neither. */
  latency?: VersionLatency;
  serving?: VersionServing;
  /** What its finder brought; versions of before there were finders have none. */
  finder?: FinderMetrics;
  pictures?: VersionPicture[];
}

/**
 * What a version was before all annotated images trained it, those that judge among them. Whatever is scored on images that
 * are held out is scored with this twin, and a fine-tune that starts from the version starts from it.
 */
export interface Twin {
  weightsKey: string;
  weightsSha256: string;
  weightsBytes: number;
  focus: Focus;
}

/** A training of the winning recipe on all annotated images, after the verdict. */
export interface Refit {
  images: number;
  annotations: number;
  /** Training samples looked at. */
  samples: number;
  twin: Twin;
}

/** Where a version that no fine-tune made came from. */
export interface ImportedFile {
  format: "safetensors" | "pth" | "onnx";
  fileName: string | null;
  /** SHA-256 of the file as it was sent. */
  sha256: string;
  bytes: number;
  /** What the file says of itself (project, version, base model, snapshot), unchecked; empty where it says nothing. */
  says: Record<string, string>;
  /** What was decided or left out while it was read, for people; versions of before that was kept have none. */
  notes?: string[];
  /** The id of the key that sent it. */
  actor: string;
}
