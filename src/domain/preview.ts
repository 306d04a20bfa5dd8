export const findingCodes = [
  "annotation_duplicate",
  "box_mask_mismatch",
  "colour_outlier",
  "image_near_duplicate",
  "image_unreadable",
  "images_known_empty",
  "images_without_annotations",
  "mask_empty",
  "mask_several_parts",
  "mask_tiny",
  "mask_touches_border",
  "shape_outlier",
  "size_outlier",
  "too_few_groups",
  "too_few_images",
] as const;
export type FindingCode = (typeof findingCodes)[number];

/** error: a fine-tune fails or learns nonsense; warning: look at it; info: good to know. */
export const severities = ["error", "warning", "info"] as const;

export interface Finding {
  code: FindingCode;
  severity: (typeof severities)[number];
  message: string;
  image_ids: string[];
  annotation_ids: string[];
}

/** A number with its 95 % interval. */
export interface Interval {
  mean: number;
  low: number;
  high: number;
}

export interface LearningCurve {
  /** The untuned model on the same images; mean IoU, exact boxes. */
  base_iou: number;
  points: {
    /** Training images of this point. */
    images: number;
    iou: Interval;
    /** On images that it was trained on. */
    train_iou: number;
  }[];
  /** error(n) = scale * n ** -exponent, where error is 1 - IoU; an exponent of 0 is a flat curve. */
  power_law: { scale: number; exponent: number };
  /** Images that a fine-tune of the project trains on. */
  images_now: number;
  gain_from_twice: Interval;
  /** Mean IoU on 8 masks after long and bold training on these alone: what the decoder can make of the encoder's features. */
  by_heart_iou: number;
  /** Mean IoU of the truth itself once it went through the decoder's 256 x 256 grid: no training gets above it. */
  grid_limit_iou: number;
}

export const verdictCodes = [
  "fix_data_first",
  "more_images_help",
  "encoder_is_the_limit",
  "grid_is_the_limit",
  "train_longer",
  "enough_images",
  "unclear",
] as const;

/** As the API sends it. All but `estimate` follows from data and seed alone. */
export interface PreviewResult {
  images: number;
  annotations: number;
  groups: number;
  findings: Finding[];
  /** By code, all that were found; the list above may hold less. */
  finding_counts: Partial<Record<FindingCode, number>>;
  estimate: {
    seconds: number;
    embed_seconds: number;
    train_seconds: number;
    evaluate_seconds: number;
    /** Images whose embedding is not stored. */
    embeddings_missing: number;
    /** Whether the speed of training is this trainer's, measured just now, or that of the machine it was measured on. */
    measured: boolean;
    /** Null where nothing is known of a GPU. */
    gpu_hours: number | null;
  } | null;
  curve: LearningCurve | null;
  verdict: { code: (typeof verdictCodes)[number]; message: string };
}

export interface PreviewProgress {
  phase: "check" | "embed" | "train";
  done: number;
  total: number;
}
