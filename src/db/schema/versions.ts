import { sql } from "drizzle-orm";
import { bigint, check, integer, jsonb, pgTable, text, uniqueIndex } from "drizzle-orm/pg-core";
import { type Focus, plainFocus, type Zoom } from "../../lib/focus.ts";
import type { Serving } from "../../lib/hyperparameters.ts";
import { createdAt } from "./common.ts";
import { fineTunes } from "./fine-tunes.ts";
import { projects, type PromotionPolicy } from "./projects.ts";

/** Of one decoder on the held-out images, box prompts, at the original size. IoU and Dice in [0, 1]. */
export interface HeldOutScores {
  meanIou: number;
  meanDice: number;
}

/** How an object is pointed at: see training/evaluation/prompt-kinds.ts. */
export type PromptKind = "box" | "jittered_box" | "one_click" | "three_clicks" | "click_refine";

/** Of one decoder and one kind of prompt, means over annotations; each in [0, 1]. */
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

/** Whether the version may go live by itself, and why; the promotions tell what was done. */
export interface GateDecision {
  /** The project's when it was decided. */
  policy: PromotionPolicy;
  promote: boolean;
  reason: string;
  /** Kinds of prompts that lose. */
  warnings: string[];
}

/** A short training that was tried before the recipe was chosen; see training/search/search.ts. */
export interface VersionTrial {
  trial: number;
  rung: "zoom" | "recipe" | "final" | "flips" | "other";
  zoom: Zoom | null;
  loss: string;
  learningRate: number;
  /** Training samples on each half of the data. */
  samples: number;
  /** Of the other half, mean over both. */
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

/** What one kind of prompt takes, medians over the same held-out prompts, in milliseconds; see training/evaluation/latency.ts. */
export interface PromptLatency {
  /** All embeddings that an answer needs in memory: the version's and the base's, and the one as a multiple of the other. */
  warmMs: number;
  baseWarmMs: number;
  ratio: number;
  /** The image's own embedding in memory, none of the version's windows; and how many of those it encodes for a prompt. */
  coldMs: number;
  encodes: number;
}

/** Of a version and of the base beside it, one after the other on the same prompts of the same images. */
export interface VersionLatency {
  prompts: number;
  box: PromptLatency;
  click: PromptLatency;
}

/** A focus that a version could have had, and what is known of it beside that of the version. */
export interface OtherFocus {
  zoom: Zoom | null;
  refinedBy: "points" | "filter" | null;
  /** Of the same samples, none of which had trained what is judged; null where it was not tried. */
  meanIou: number | null;
  ownMeanIou: number | null;
  samples: number;
}

/** How quick answers were weighed against better ones. */
export interface VersionServing {
  /** As it was asked for, no "auto" left. */
  asked: Serving;
  /** What an answer costs by count, which decides: as a multiple of the base's, all embeddings in memory; and encodes. */
  counted: { box: CountedCost; click: CountedCost };
  /** The best that an interactive version had to leave; null where there was nothing. */
  givenUp: OtherFocus | null;
  /** The interactive version that a version for best masks could have been; null where it is one, or none was tried. */
  interactiveTwin: OtherFocus | null;
}

export interface CountedCost {
  warm: number;
  encodes: number;
}

export interface VersionMetrics {
  heldOut: {
    images: number;
    annotations: number;
    base: HeldOutScores;
    /** Of the version that training started from; none where that was the base. */
    parent?: HeldOutScores;
    /** As it is served, with its focus. */
    tuned: HeldOutScores;
    /** Of its decoder on the whole image, nothing refined: what files that hold the decoder alone do. Older versions have none. */
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
  /** Versions of before they were measured have neither. */
  latency?: VersionLatency;
  serving?: VersionServing;
  pictures?: VersionPicture[];
}

/** Where a version that no fine-tune made came from. */
export interface ImportedFile {
  format: "safetensors" | "pth" | "onnx";
  fileName: string | null;
  /** Of the file as it was sent. */
  sha256: string;
  bytes: number;
  /** What the file says of itself (project, version, base model, snapshot), unchecked; empty where it says nothing. */
  says: Record<string, string>;
  /** The id of the key that sent it. */
  actor: string;
}

/** What an imported version lacks. */
export type OfTraining = "fineTuneId" | "snapshotHash" | "snapshotKey" | "seed" | "engine" | "metrics";

/** A decoder that a fine-tune made or somebody imported: immutable once registered. */
export const versions = pgTable(
  "versions",
  {
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    projectId: text("project_id")
      .notNull()
      .references(() => projects.id, { onDelete: "cascade" }),
    /** 1, 2, 3 ... within the project. */
    number: integer("number").notNull(),
    /** Null is an imported version: it has no data, no metrics and no training of ours. */
    fineTuneId: text("fine_tune_id").references(() => fineTunes.id, { onDelete: "cascade" }),
    imported: jsonb("imported").$type<ImportedFile>(),
    baseModel: text("base_model").notNull(),
    /** The version that training started from; null is the base. */
    parentVersion: integer("parent_version"),
    weightsKey: text("weights_key").notNull(),
    weightsSha256: text("weights_sha256").notNull(),
    weightsBytes: bigint("weights_bytes", { mode: "number" }).notNull(),
    /** How it looks at images: which part is encoded for a prompt, and how its masks are sharpened. */
    focus: jsonb("focus").$type<Focus>().notNull().default(plainFocus),
    snapshotHash: text("snapshot_hash"),
    snapshotKey: text("snapshot_key"),
    /** As used: no "auto" is left. */
    hyperparameters: jsonb("hyperparameters").$type<Record<string, unknown>>().notNull(),
    seed: integer("seed"),
    engine: text("engine"),
    metrics: jsonb("metrics").$type<VersionMetrics>(),
    createdAt: createdAt(),
  },
  (table) => [
    uniqueIndex("versions_project_number_key").on(table.projectId, table.number),
    // One fine-tune can make one version, whatever becomes of its trainers.
    uniqueIndex("versions_fine_tune_key").on(table.fineTuneId),
    check("versions_number_check", sql`number >= 1`),
    check(
      "versions_origin_check",
      sql`case when imported is null
        then num_nulls(fine_tune_id, snapshot_hash, snapshot_key, seed, engine, metrics) = 0
        else num_nonnulls(fine_tune_id, snapshot_hash, snapshot_key, seed, engine, metrics) = 0 end`,
    ),
    check("versions_weights_check", sql`weights_sha256 ~ '^[0-9a-f]{64}$' and weights_bytes > 0`),
  ],
);
