import { sha256 } from "../lib/hash.ts";

export type JobName = "fine_tune" | "import" | "preview" | "auto_label" | "embed" | "webhook";

/** What is kept in a job of pg-boss; everything else stands in the row. */
export interface JobData {
  /** The id of the row that the job is about. */
  id: string;
  projectId: string;
  /** Workspace of an image that is to be embedded. */
  workspaceId?: string;
  /** How many attempts ended because a trainer was stopped, or put them off; they don't count as failures. */
  handedBack: number;
  /** How many attempts ended with an error that somebody lived to tell. The others ended with their process. */
  failed?: number;
}

/** A job in the hands of a handler. */
export interface RunningJob {
  /** Id of the row: ft_…, imp_…, fpv_…, al_…, img_… or msg_…. */
  readonly id: string;
  /** The project or, for a webhook's message, the webhook: whose jobs take turns. */
  readonly projectId: string;
  /** 1 at the first start; every start counts, whatever ended the one before. */
  readonly attempt: number;
  /** Aborted with a JobAborted as its reason. The handler then stops and rejects, with that reason or anything. */
  readonly signal: AbortSignal;
}

/**
 * `cancelled`: nobody wants the result any more. `shutdown`: this process stops, and another goes on with the job.
 * `lost`: another process has the job already, because this one gave no sign of life.
 */
export type AbortCause = "cancelled" | "shutdown" | "lost";

/** Why a job's signal was aborted. */
export class JobAborted extends Error {
  override readonly name = "JobAborted";
  readonly why: AbortCause;

  constructor(why: AbortCause) {
    super(
      {
        cancelled: "the job was cancelled",
        shutdown: "the process stops",
        lost: "the job was given to another",
      }[why],
    );
    this.why = why;
  }
}

/** Why a job is given up whose process died each time: it is not tried again by itself. */
export class ProcessDied extends Error {
  override readonly name = "ProcessDied";

  constructor(deaths: number) {
    super(`the process ended in ${deaths} attempts`);
  }
}

/**
 * Resolves when the job is done, also when it failed for good and the row says so.
 * A rejection means: try again later.
 */
export type Handler = (job: RunningJob) => Promise<void>;

export interface WorkOptions {
  /** Jobs at once in this process; default 1. */
  concurrency?: number;
  /** Jobs of one workspace at once in this process; no bound by default. */
  perWorkspace?: number;
  /**
   * Called when the last retry is used up, to write the failure into the row. Called again later if it rejects.
   * `attempts` counts those that failed or died; `error` is the last one's, or a ProcessDied.
   */
  onExhausted?: (job: { id: string; projectId: string; attempts: number }, error: unknown) => Promise<void>;
}

/**
 * Retries after the first attempt, before a job has failed for good. A webhook's receiver may be down for hours: 5 s,
 * then twice as long each time, are five to seven hours in all.
 */
export const retryLimits: Record<JobName, number> = {
  fine_tune: 3,
  import: 3,
  preview: 3,
  auto_label: 3,
  embed: 3,
  webhook: 12,
};

/** Attempts that end with their process before a job has failed for good. A webhook's can't end one. */
export const deathLimits: Record<JobName, number> = {
  fine_tune: 2,
  import: 2,
  preview: 2,
  auto_label: 2,
  embed: 2,
  webhook: Number.POSITIVE_INFINITY,
};

/**
 * pg-boss counts a job that was handed back at a shutdown as retried, so its own limit only has to be out of the
 * way; ours is in `retryLimits`. The heartbeat decides how soon a job of a killed process runs again: 15 s without
 * one, at most 5 s until the supervisor looks, and the back-off.
 */
const common = {
  notify: true,
  heartbeatSeconds: 15,
  retryLimit: 10_000,
  retryDelay: 1,
  retryBackoff: true,
} as const;

export const queueSettings = {
  // One job of a project at a time; a project's others wait. (groupConcurrency is not strict: six of one ran at once.)
  fine_tune: { ...common, policy: "singleton", retryDelayMax: 60, expireInSeconds: 24 * 3600 },
  import: { ...common, policy: "singleton", retryDelayMax: 60, expireInSeconds: 24 * 3600 },
  preview: { ...common, policy: "singleton", retryDelayMax: 60, expireInSeconds: 3600 },
  auto_label: { ...common, policy: "singleton", retryDelayMax: 60, expireInSeconds: 24 * 3600 },
  embed: { ...common, policy: "standard", retryDelayMax: 60, expireInSeconds: 3600, deleteAfterSeconds: 60 },
  webhook: { ...common, policy: "standard", retryDelay: 5, retryDelayMax: 4 * 3600, expireInSeconds: 60 },
} as const satisfies Record<JobName, object>;

/** The same row gives the same job id in every process, so that several that see it make one job. A UUID of version 8. */
export function jobId(name: JobName, rowId: string): string {
  const hex = sha256(`maskwright:${name}:${rowId}`);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join("-");
}
