import {
  abandonFineTune,
  claimFineTune,
  type FineTuneRow,
  selectFineTuneStatus,
} from "../../db/queries/fine-tune-leases.ts";
import { noQuotas, requireTrainingTime } from "../../db/queries/usage.ts";
import { AppError } from "../../lib/errors.ts";
import { inSpan, inTraceOf } from "../../lib/trace.ts";
import { deleteBelow } from "../../storage/delete-below.ts";
import { keys } from "../../storage/keys.ts";
import { clearAfterEnd } from "./clear-after-end.ts";
import { fineTune } from "./story.ts";
import { givenUp } from "../given-up.ts";
import { HeldFineTune, LeaseLost } from "./held.ts";
import type { TrainerServices } from "../services.ts";

/**
 * One attempt at a job, from its claim to its end. Resolves when there is nothing more to do: it succeeded, failed
 * for good, was cancelled, or belongs to someone else. Rejects when the queue shall run it again: the trainer was
 * told to stop (`signal`), or something broke that may work the next time.
 */
export async function runFineTune(
  services: TrainerServices,
  fineTuneId: string,
  signal: AbortSignal,
): Promise<void> {
  const row = await claimFineTune(services.db, fineTuneId, services.holder);
  // It ended without us, and perhaps without anyone to clear away after it.
  if (!row) return clearAfterEnd(services, fineTuneId);
  const job = new HeldFineTune(services.db, { id: row.id, token: row.leaseToken });
  const log = services.log.child({ fine_tune: row.id, attempt: row.attempt });
  try {
    // Nobody had asked when corrections started it, and of several that wait the first ones may use up all.
    if (row.attempt === 1)
      await requireTrainingTime(services.db, row.workspaceId, services.quotas ?? noQuotas);
    if (row.attempt > 1 && row.checkpointKey === null) {
      await job.append({ level: "warn", message: `Attempt ${row.attempt}: from the beginning again` });
    }
    const { number, promoted } = await inTraceOf(row.traceParent, () =>
      inSpan(
        "fine_tune",
        { "maskwright.fine_tune": row.id, "maskwright.attempt": row.attempt },
        async (span) => {
          const made = await fineTune(services, row, job, signal);
          span.setAttributes({ "maskwright.version": made.number, "maskwright.promoted": made.promoted });
          return made;
        },
        "consumer",
      ),
    );
    log.info({ version: number, promoted }, "a fine-tune succeeded");
  } catch (error) {
    log.warn({ err: error }, "a fine-tune stopped");
    try {
      await settle(job, error, signal);
    } finally {
      await clearIfDeleted(services, row);
    }
  } finally {
    await clearAfterEnd(services, fineTuneId);
  }
}

/** After a project is deleted, nobody else will ever clear away what this run still wrote for it. */
async function clearIfDeleted({ db, store }: TrainerServices, row: FineTuneRow): Promise<void> {
  if ((await selectFineTuneStatus(db, row.id)) === null)
    await deleteBelow(store, keys.projectPrefix(row.projectId));
}

/** Ends or gives back a job that threw. Rejects when the queue shall run it again. */
async function settle(job: HeldFineTune, error: unknown, signal: AbortSignal): Promise<void> {
  if (error instanceof LeaseLost) return;
  try {
    if (!signal.aborted && isFinal(error)) {
      await job.fail({ code: error.code, message: error.message, param: error.param });
      return;
    }
    if (!signal.aborted) {
      await job.append({ level: "warn", message: "An error that was not expected; the job will run again" });
    }
    await job.release();
  } catch (failure) {
    // Meanwhile it was cancelled or claimed anew: then it is no longer ours to end or to run again.
    if (failure instanceof LeaseLost) return;
    throw new AggregateError([error, failure], "a fine-tune stopped and could not be given back", {
      cause: failure,
    });
  }
  throw error;
}

/** An error of the job itself, which another attempt would meet again. */
export const isFinal = (error: unknown): error is AppError =>
  error instanceof AppError && error.code !== "unavailable" && error.code !== "internal_error";

/** Ends a job that the queue gave up after its last attempt failed or died; `error` is why. */
export async function giveUpFineTune(
  services: TrainerServices,
  fineTuneId: string,
  attempts: number,
  error?: unknown,
): Promise<void> {
  const job = { kind: "fine_tune", id: fineTuneId, attempts } as const;
  await abandonFineTune(services.db, fineTuneId, await givenUp(services.db, job, error));
  await clearAfterEnd(services, fineTuneId);
}
