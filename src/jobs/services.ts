import type { Database } from "../db/client.ts";
import type { Quotas } from "../db/queries/usage.ts";
import type { Buckets } from "../storage/buckets.ts";
import type { TrainingServices } from "../training/run.ts";

/** What the trainer is given: the process's services. */
export interface ProcessServices extends Pick<TrainingServices, "store" | "inference" | "log"> {
  readonly db: Database;
  readonly buckets: Buckets;
}

/** What the trainer's jobs work with. */
export interface TrainerServices extends ProcessServices, TrainingServices {
  /** Who this trainer is, for people: host and process. */
  readonly holder: string;
  readonly maxImagesPerProject: number;
  /** Larger images of an import are refused by their header. Default: 64 million. */
  readonly maxImagePixels?: number;
  /** Quotas of workspaces that have none of their own; left out, no bound. */
  readonly quotas?: Quotas;
  /** Milliseconds of training between two checkpoints, at least; 0 writes one after every epoch. Default: 10 s. */
  readonly checkpointEveryMs?: number;
}
