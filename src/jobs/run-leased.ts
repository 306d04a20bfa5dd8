import type { Claimed, Lease, LeasedTable, Leases } from "../db/queries/leases.ts";
import { AppError } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import { type Held, LeaseLost } from "./held.ts";
import type { TrainerServices } from "./services.ts";

export interface LeasedJob<
  Table extends LeasedTable,
  Own extends string,
  Holder extends Held<Table, Own>,
  Result,
> {
  readonly leases: Leases<Table, Own>;
  readonly id: string;
  /** As the log calls it: the field with its id, and in words. */
  readonly kind: "fine_tune" | "import" | "preview" | "auto_label";
  readonly name: string;
  /** Aborted when the trainer is told to stop, or the job is no longer this process's. */
  readonly signal: AbortSignal;
  /** What the row is set to as it is claimed. */
  readonly claim?: Partial<Table["$inferSelect"]>;
  readonly hold: (lease: Lease) => Holder;
  /** Does the work and ends the row; or throws. */
  readonly work: (row: Claimed<Table>, held: Holder, log: Log) => Promise<Result>;
  /** Ends the row after an error that the next attempt would meet again; left out, with the error as it is. */
  readonly fail?: (error: AppError, row: Claimed<Table>, held: Holder) => Promise<void>;
  /** Clears away what was written for a job whose row is gone, with its project: nobody else ever will. */
  readonly gone?: (row: Claimed<Table>, held: Holder) => Promise<void>;
}

/**
 * One attempt at a job, from its claim to its end: the one fence of all jobs. Gives back what the work did, or null where
 * there is nothing more to do: it failed for good, was cancelled, has ended before, or belongs to someone else. Rejects
 * when the queue shall run it again: the trainer was told to stop, or something broke that may work the next time.
 */
export async function runLeased<
  Table extends LeasedTable,
  Own extends string,
  Holder extends Held<Table, Own>,
  Result,
>(
  { db, log: parentLog }: Pick<TrainerServices, "db" | "log">,
  job: LeasedJob<Table, Own, Holder, Result>,
): Promise<Result | null> {
  const { leases, id, name } = job;
  const row = await leases.claim(db, id, job.claim);
  if (!row) return null;
  const held = job.hold({ id, token: row.leaseToken });
  const log = parentLog.child({ [job.kind]: id, attempt: row.attempt });
  try {
    return await job.work(row, held, log);
  } catch (error) {
    log.warn({ err: error }, `${name} stopped`);
    try {
      await settle(job, row, held, error);
    } finally {
      if ((await leases.statusOf(db, id)) === null) await job.gone?.(row, held);
    }
    return null;
  }
}

/** Ends or gives back a job that threw. Rejects when the queue shall run it again. */
async function settle<Table extends LeasedTable, Own extends string, Holder extends Held<Table, Own>>(
  { name, signal, fail }: LeasedJob<Table, Own, Holder, unknown>,
  row: Claimed<Table>,
  held: Holder,
  error: unknown,
): Promise<void> {
  if (error instanceof LeaseLost) return;
  try {
    if (!signal.aborted && isFinal(error)) {
      if (fail) await fail(error, row, held);
      else await held.fail({ code: error.code, message: error.message, param: error.param });
      return;
    }
    await held.release(!signal.aborted);
  } catch (failure) {
    // Meanwhile it was cancelled or claimed anew: then it is no longer ours to end or to run again.
    if (failure instanceof LeaseLost) return;
    throw new AggregateError([error, failure], `${name} stopped and could not be given back`, {
      cause: failure,
    });
  }
  throw error;
}

const passing: ReadonlySet<string> = new Set(["unavailable", "storage_full", "internal_error"]);

/** An error of the job itself, which another attempt would meet again. */
export const isFinal = (error: unknown): error is AppError =>
  error instanceof AppError && !passing.has(error.code);
