import type { FineTuneProgress, NewEvent } from "../domain/fine-tune.ts";
import type { Inference } from "../inference/inference.ts";
import type { Log } from "../lib/log.ts";
import type { ObjectStore } from "../storage/store.ts";
import type { CreateEngine, EngineName } from "./engine/types.ts";
import type { ProgressMeter } from "./loop/progress.ts";
import type { EmbeddingOf } from "./data/samples.ts";

/** How long this machine takes for a training sample. */
export interface Speed {
  readonly trainMs: number;
  /** As a multiple of what budgets count for one. */
  readonly slowness: number;
}

/** What training works with. */
export interface TrainingServices {
  readonly store: ObjectStore;
  readonly inference: Inference;
  readonly log: Log;
  readonly createEngine: CreateEngine;
  readonly engine: EngineName | "auto";
  /** How quickly this machine trains, where that is known; else it is timed once a process. */
  readonly speed?: Speed;
}

/** Whose images they are, and the signal that ends the work. */
export interface ImageOptions {
  readonly workspaceId: string;
  readonly baseModel: string;
  readonly signal: AbortSignal;
}

/** What all steps of a fine-tune share, and whom they tell. Every call throws once the work is no longer wanted. */
export interface Run {
  readonly services: TrainingServices;
  readonly seed: number;
  readonly signal: AbortSignal;
  readonly images: ImageOptions;
  /** Embeddings of images and of regions of them, encoded where they are nowhere. */
  readonly embeddingOf: EmbeddingOf;
  /** What is known of the work to come, for the estimate of its end. */
  readonly meter: ProgressMeter;
  /** Whether training shall end early and keep its best, as the last call of `progress` was told. */
  readonly stopRequested: boolean;
  progress(phase: FineTuneProgress["phase"], done: number): Promise<void>;
  /** Appends an event that callers see. */
  tell(event: NewEvent): Promise<void>;
  /** Keeps what a later attempt goes by. */
  keep(facts: { engine?: string; chosen?: Record<string, unknown> }): Promise<void>;
}
