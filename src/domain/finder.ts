import type { PairedGain } from "./evaluation.ts";

/** One side of an embedding's 64 cells is divided by it before a finder looks: larger objects need a wider view. */
export const finderPools = [1, 2, 4] as const;
export type FinderPool = (typeof finderPools)[number];

/** What finds a version's objects without prompts: a small network on the image embedding, trained with the version. */
export interface Finder {
  /** Its weights (safetensors) in the object store; see model/finder.ts. */
  readonly key: string;
  readonly sha256: string;
  readonly bytes: number;
  /** What it was taught, in the order of its outputs; null stands for annotations without a label. */
  readonly labels: readonly (string | null)[];
  readonly pool: FinderPool;
  /** The label score from which objects are answered with where a request names none: the best F1 where it was chosen. */
  readonly threshold: number;
  /**
   * Brings a peak's logit to a label score: the share of such peaks that were objects on images that had not trained it.
   * score = 1 / (1 + exp(-(slope * logit + offset))).
   */
  readonly calibration: { readonly slope: number; readonly offset: number };
}

/** How well objects are found without prompts, each in [0, 1]; null where there is nothing to find. */
export interface FindScores {
  /** Average precision at mask IoU .5, and its mean from .5 to .95 in steps of .05, 101 points each as pycocotools. */
  ap50: number | null;
  ap: number | null;
  /** Panoptic quality at mask IoU .5 of what passes the threshold (Kirillov et al. 2019). */
  pq: number | null;
  precision: number | null;
  /** Mean over objects of the IoU with the find that passes the threshold and fits best, 0 for those that none meets. */
  meanIou: number | null;
  recall: number | null;
}

/** What a finder brought on held-out images. */
export interface FinderMetrics {
  images: number;
  /** Those among them that are known to hold nothing. */
  emptyImages: number;
  /**
   * Images that are annotated in part only, by what a person has said or by what was found there: those that taught, those
   * held out that did not judge, and those that a person is asked about. Missing in older versions.
   */
  partial?: { taught: number; leftOut: number; asked: number };
  annotations: number;
  /** Groups of images, which the intervals are taken over. */
  groups: number;
  all: FindScores;
  /** 95 % intervals over groups of images; null where one group is all. */
  intervals: { ap50: Interval | null; pq: Interval | null };
  labels: (FindScores & { label: string | null; annotations: number })[];
  /** The finder of the version that was live, on the same images; null where none could find. */
  before: { version: number; all: FindScores; gain: PairedGain } | null;
  gate: { promote: boolean; reason: string };
  /** Seconds that training and judging took. */
  seconds: number;
}

export interface Interval {
  low: number;
  high: number;
}
