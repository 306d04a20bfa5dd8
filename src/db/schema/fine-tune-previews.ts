import { sql } from "drizzle-orm";
import { check, index, integer, jsonb, pgTable, text, uuid } from "drizzle-orm/pg-core";
import { createdAt, type JobError, time } from "./common.ts";
import { projects } from "./projects.ts";

export type PreviewStatus = "queued" | "running" | "succeeded" | "failed" | "cancelled";

/** Something will still happen to the preview. */
export const openPreview = ["queued", "running"] as const satisfies readonly PreviewStatus[];

export const findingCodes = [
  "annotation_duplicate",
  "box_mask_mismatch",
  "colour_outlier",
  "image_near_duplicate",
  "image_unreadable",
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
  /** Of the untuned model on the same images; mean IoU, exact boxes. */
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

/** A look at a project's data before a fine-tune: what is wrong with it, what it will cost, what more images would bring. */
export const fineTunePreviews = pgTable(
  "fine_tune_previews",
  {
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    projectId: text("project_id")
      .notNull()
      .references(() => projects.id, { onDelete: "cascade" }),
    status: text("status").$type<PreviewStatus>().notNull().default("queued"),
    seed: integer("seed").notNull().default(0),
    progress: jsonb("progress").$type<PreviewProgress>(),
    result: jsonb("result").$type<PreviewResult>(),
    error: jsonb("error").$type<JobError>(),
    /** Who may write to this row while it runs; a new attempt takes a new token, which fences the old one. */
    leaseToken: uuid("lease_token"),
    attempt: integer("attempt").notNull().default(0),
    /** What it is about, as "reading a.png": told where its process ends without a word. */
    doing: text("doing"),
    createdAt: createdAt(),
    startedAt: time("started_at"),
    finishedAt: time("finished_at"),
  },
  (table) => [
    index("fine_tune_previews_project_idx").on(table.projectId, table.createdAt, table.id),
    index("fine_tune_previews_workspace_idx").on(table.workspaceId, table.startedAt),
    index("fine_tune_previews_workspace_open_idx")
      .on(table.workspaceId)
      .where(sql`status in ('queued', 'running')`),
    index("fine_tune_previews_open_idx")
      .on(table.createdAt)
      .where(sql`status in ('queued', 'running')`),
    check(
      "fine_tune_previews_status_check",
      sql`status in ('queued', 'running', 'succeeded', 'failed', 'cancelled')`,
    ),
    check("fine_tune_previews_seed_check", sql`seed >= 0`),
    check("fine_tune_previews_attempt_check", sql`attempt >= 0`),
    check("fine_tune_previews_result_check", sql`(status = 'succeeded') = (result is not null)`),
  ],
);
