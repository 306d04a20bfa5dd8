/**
 * The statuses of the jobs, and what leads from one to another. Each table has a row for every status and in it every
 * step, which the compiler keeps complete; the statements of db/queries/leases.ts are made from it, and docs/states.md
 * tells what holds.
 */

/** What a lease holder, a caller or the queue does to a job. */
export type JobStep =
  /** A worker takes it: a new token, the next attempt. */
  | "claim"
  /** Its holder ends it with what it was to bring. */
  | "succeed"
  /** Its holder ends it with an error that the next attempt would meet again. */
  | "fail"
  /** Its holder gives it back, to be run again. */
  | "release"
  /** A caller ends it. */
  | "cancel"
  /** The queue ends it after its last attempt. */
  | "give_up";

/** The status that each step leads to; null where it can't be taken. */
export type States<Status extends string, Step extends string> = Readonly<
  Record<Status, Readonly<Record<Step, Status | null>>>
>;

export type FineTuneStatus =
  | "queued"
  | "preparing"
  | "running"
  | "evaluating"
  | "succeeded"
  | "failed"
  | "cancelled";
export type FineTuneStep = JobStep | "train" | "judge";

export const fineTuneStates: States<FineTuneStatus, FineTuneStep> = {
  queued: {
    claim: "preparing",
    train: null,
    judge: null,
    succeed: null,
    fail: null,
    release: null,
    cancel: "cancelled",
    give_up: "failed",
  },
  preparing: {
    claim: "preparing",
    train: "running",
    judge: null,
    succeed: null,
    fail: "failed",
    release: "queued",
    cancel: "cancelled",
    give_up: "failed",
  },
  running: {
    claim: "preparing",
    train: null,
    judge: "evaluating",
    succeed: null,
    fail: "failed",
    release: "queued",
    cancel: "cancelled",
    give_up: "failed",
  },
  evaluating: {
    claim: "preparing",
    train: null,
    judge: null,
    succeed: "succeeded",
    fail: "failed",
    release: "queued",
    cancel: "cancelled",
    give_up: "failed",
  },
  succeeded: ended(["train", "judge"]),
  failed: ended(["train", "judge"]),
  cancelled: ended(["train", "judge"]),
};

export type PreviewStatus = "queued" | "running" | "succeeded" | "failed" | "cancelled";

export const previewStates: States<PreviewStatus, JobStep> = {
  queued: {
    claim: "running",
    succeed: null,
    fail: null,
    release: null,
    cancel: "cancelled",
    give_up: "failed",
  },
  running: {
    claim: "running",
    succeed: "succeeded",
    fail: "failed",
    release: "queued",
    cancel: "cancelled",
    give_up: "failed",
  },
  succeeded: ended([]),
  failed: ended([]),
  cancelled: ended([]),
};

export type AutoLabelStatus = PreviewStatus;

/** It goes on behind the last image whose proposals are written, so a release is no way back. */
export const autoLabelStates: States<AutoLabelStatus, JobStep> = previewStates;

export type ImportStatus = "queued" | "running" | "succeeded" | "failed";

/** An import goes only with its project; nobody cancels one. */
export const importStates: States<ImportStatus, JobStep> = {
  queued: { claim: "running", succeed: null, fail: null, release: null, cancel: null, give_up: "failed" },
  running: {
    claim: "running",
    succeed: "succeeded",
    fail: "failed",
    release: "queued",
    cancel: null,
    give_up: "failed",
  },
  succeeded: ended([]),
  failed: ended([]),
};

/** Nothing more becomes of a job that has ended. */
function ended<Own extends string>(own: readonly Own[]): Readonly<Record<JobStep | Own, null>> {
  const steps = ["claim", "succeed", "fail", "release", "cancel", "give_up", ...own];
  return Object.fromEntries(steps.map((step) => [step, null])) as Record<JobStep | Own, null>;
}

/** From which statuses a step can be taken. */
export const from = <Status extends string, Step extends string>(
  states: States<Status, Step>,
  step: Step,
): Status[] => (Object.keys(states) as Status[]).filter((status) => states[status][step] !== null);

/** Where a step leads, wherever it is taken. Throws an Error where that differs, or where it can't be taken at all. */
export function to<Status extends string, Step extends string>(
  states: States<Status, Step>,
  step: Step,
): Status {
  const ends = new Set(from(states, step).map((status) => states[status][step]));
  const [end] = ends;
  if (!end || ends.size > 1) throw new Error(`${step} leads to ${[...ends].join(" or ") || "nothing"}`);
  return end;
}

/** Something will still happen to the job. */
export const openFineTune = from(fineTuneStates, "give_up");
export const openPreview = from(previewStates, "give_up");
export const openImport = from(importStates, "give_up");
export const openAutoLabel = from(autoLabelStates, "give_up");
