/** How far a running job is; what the progress bars draw. */
export interface FineTuneProgress {
  phase: "embed" | "search" | "train" | "evaluate" | "find" | "refit" | "register";
  done: number;
  total: number;
  /** Seconds until the job's end, by the speed so far; null while unknown. */
  etaSeconds: number | null;
}

export type EventLevel = "info" | "warn" | "error";
export type EventType = "message" | "metrics";

/** What a running fine-tune tells; "info" and "message" where they are left out. */
export interface NewEvent {
  readonly level?: EventLevel;
  readonly type?: EventType;
  readonly message: string;
  readonly data?: Record<string, unknown>;
}
