import type { Trial } from "../state/trial.ts";

/** The API's answers, as far as the console reads them; /openapi.json has them whole. */
export type Box = [number, number, number, number];
export type Point = [number, number, 0 | 1];

export interface Page<T> {
  data: T[];
  has_more: boolean;
  next_cursor: string | null;
}
export interface Project {
  id: string;
  name: string;
  base_model: string;
  active_version: number | null;
  promotion_policy: "auto" | "manual" | "always";
  created_at: string;
}
export interface Overview {
  images: number;
  labelled_images: number;
  annotations: number;
  labels: { label: string; annotations: number }[];
  cover_image_id: string | null;
  live: { version: number; base_iou: number | null; tuned_iou: number | null } | null;
}
export interface Image {
  id: string;
  width: number;
  height: number;
  sha256: string;
  bytes: number;
  format: string;
  file_name: string | null;
  created_at: string;
}
export interface GalleryEntry {
  image: Image;
  annotations: { id: string; label: string | null; counts: string }[];
  split: "train" | "test" | null;
  base_iou: number | null;
  tuned_iou: number | null;
}
export interface Rle {
  format: "rle";
  size: [number, number];
  counts: string;
}
export interface Annotation {
  id: string;
  image_id: string;
  mask: Rle;
  box: Box;
  area: number;
  label: string | null;
  source: string;
}
export interface Import {
  id: string;
  status: "queued" | "running" | "succeeded" | "failed";
  file_name: string | null;
  progress: { images_done: number; images_total: number | null };
  images_created: number | null;
  annotations_created: number | null;
  /** What of the zip was left out on purpose. */
  skipped: { count: number; reason: string }[] | null;
  error: { code: string; message: string; file?: string } | null;
}
export interface PredictedMask extends Rle {
  score: number;
  bbox: Box;
  area: number;
}
export interface Prediction {
  id: string;
  image: { id: string | null; width: number; height: number };
  results: { version: "base" | number; predictions: { masks: PredictedMask[] }[] }[];
  timing_ms: { queue: number; embed: number; decode: number; encode: number; total: number };
}
export interface Segmentation {
  id: string;
  results: { version: "base" | number; masks: PredictedMask[] }[];
}
export type FineTuneStatus =
  | "queued"
  | "preparing"
  | "running"
  | "evaluating"
  | "succeeded"
  | "failed"
  | "cancelled";
export interface FineTune {
  id: string;
  status: FineTuneStatus;
  hyperparameters: Record<string, unknown>;
  base_version: number | null;
  seed: number;
  progress: { phase: string; done: number; total: number; eta_seconds: number | null } | null;
  version: number | null;
  error: { code: string; message: string } | null;
  engine: string | null;
  stop_requested_at: string | null;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
}
export interface FineTuneEvent {
  id: string;
  created_at: string;
  level: "info" | "warn" | "error";
  type: "message" | "metrics";
  message: string;
  data: Record<string, unknown>;
}
export interface Interval {
  mean: number;
  low: number | null;
  high: number | null;
}
export interface PromptScores {
  mean_iou: number;
  mean_dice: number;
  mean_boundary_iou: number;
  calibration_error: number;
}
export interface KindMetrics {
  kind: string;
  annotations: number;
  groups: number;
  base: PromptScores;
  tuned: PromptScores;
  gain: { iou: Interval; dice: Interval; boundary_iou: Interval };
}
export interface PromptLatency {
  warm_ms: number;
  base_warm_ms: number;
  ratio: number;
  cold_ms: number;
  encodes: number;
}
export interface OtherFocus {
  zoom: Trial["zoom"];
  refined_by: "points" | "filter" | null;
  mean_iou: number | null;
  own_mean_iou: number | null;
  samples: number;
}
export interface VersionMetrics {
  held_out: {
    images: number;
    annotations: number;
    base: { mean_iou: number; mean_dice: number };
    tuned: { mean_iou: number; mean_dice: number };
    /** Null where it was not measured. */
    decoder_alone: { mean_iou: number; mean_dice: number } | null;
  };
  split: { train: number; selection: number; held_out: number };
  best_epoch: number;
  /** What people's feedback gave to the training; versions of before it was counted have none. */
  feedback?: { corrected: number; accepted: number; prompts: number; real_prompts: number };
  /** The short trainings that chose the recipe. */
  trials?: Trial[];
  curve: {
    epoch: number;
    train_loss: number | null;
    selection_iou: number;
    selection_iou_low: number | null;
    selection_iou_high: number | null;
  }[];
  /** Only where one version was asked for. */
  per_annotation?: { image_id: string; annotation_id: string; base_iou: number; tuned_iou: number }[];
  gate?: { policy: string; promote: boolean; reason: string; warnings: string[] };
  evaluation?: { prompts: KindMetrics[] };
  /** Versions of before they were measured have neither. */
  latency?: { prompts: number; box: PromptLatency; click: PromptLatency };
  serving?: {
    asked: "interactive" | "best";
    given_up: OtherFocus | null;
    interactive_twin: OtherFocus | null;
  };
}
export interface Version {
  id: string;
  number: number;
  status: "active" | "inactive";
  fine_tune_id: string | null;
  /** Null of a fine-tune's version. */
  imported: { focus: "restored" | "plain" | "unknown" } | null;
  base_model: string;
  parent_version: number | null;
  /** Null of an imported version. */
  metrics: VersionMetrics | null;
  snapshot_hash: string | null;
  hyperparameters: Record<string, unknown>;
  /** How it looks at images, and how its masks are sharpened. */
  focus: {
    zoom: Trial["zoom"];
    refine: { radius: number } | { point_head: { hidden: number } } | null;
  };
  seed: number | null;
  engine: string | null;
  weights: { sha256: string; bytes: number };
  created_at: string;
}
export interface Promotion {
  id: string;
  kind: "promote" | "rollback" | "auto";
  from_version: number | null;
  to_version: number | null;
  actor: string;
  reason: string;
  created_at: string;
}

export interface Preview {
  id: string;
  status: "queued" | "running" | "succeeded" | "failed" | "cancelled";
  progress: { phase: string; done: number; total: number } | null;
  result: {
    images: number;
    annotations: number;
    findings: {
      code: string;
      severity: "error" | "warning" | "info";
      message: string;
      image_ids: string[];
      annotation_ids: string[];
    }[];
    estimate: { seconds: number; embeddings_missing: number; measured: boolean } | null;
    curve: {
      base_iou: number;
      points: { images: number; iou: { mean: number; low: number; high: number }; train_iou: number }[];
      images_now: number;
      gain_from_twice: { mean: number; low: number; high: number };
    } | null;
    verdict: { code: string; message: string };
  } | null;
  error: { code: string; message: string } | null;
  created_at: string;
}
export interface Key {
  id: string;
  name: string;
  hint: string;
  scopes: string[];
  created_at: string;
  expires_at: string | null;
  last_used_at: string | null;
}
export interface Usage {
  period: { start: string; end: string };
  images: { used: number; limit: number | null };
  bytes: { used: number; limit: number | null };
  training_minutes: { used: number; limit: number | null };
  predictions: { used: number; limit: number | null };
}
export interface Webhook {
  id: string;
  url: string;
  project_id: string | null;
  events: string[];
  enabled: boolean;
}
export interface Delivery {
  id: string;
  event: string;
  status: "queued" | "delivered" | "failed";
  attempts: { at: string; status: number | null; error: string | null; ms: number }[];
  created_at: string;
}
