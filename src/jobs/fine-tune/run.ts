import { fineTuneLeases } from "../../db/queries/leases.ts";
import { noQuotas, requireTrainingTime } from "../../db/queries/usage.ts";
import { inSpan, inTraceOf } from "../../lib/trace.ts";
import { deleteBelow } from "../../storage/delete-below.ts";
import { keys } from "../../storage/keys.ts";
import { giveUp } from "../give-up.ts";
import { runLeased } from "../run-leased.ts";
import type { TrainerServices } from "../services.ts";
import { clearAfterEnd } from "./clear-after-end.ts";
import { type FineTuneRow, fineTune } from "./story.ts";
import { HeldFineTune } from "./held.ts";

/** One attempt at a fine-tune; see runLeased for when it resolves and when it rejects. */
export async function runFineTune(
  services: TrainerServices,
  fineTuneId: string,
  signal: AbortSignal,
): Promise<void> {
  const { db, store } = services;
  try {
    await runLeased(services, {
      leases: fineTuneLeases,
      id: fineTuneId,
      kind: "fine_tune",
      name: "a fine-tune",
      signal,
      claim: { leaseHolder: services.holder },
      hold: (lease): HeldFineTune => new HeldFineTune(db, lease),
      work: async (row, job, log) => {
        const { number, promoted } = await attempt(services, row, job, signal);
        log.info({ version: number, promoted }, "a fine-tune succeeded");
      },
      gone: async ({ projectId }) => deleteBelow(store, keys.projectPrefix(projectId)),
    });
  } finally {
    // Also where it ended without us, and perhaps without anyone to clear away after it.
    await clearAfterEnd(services, fineTuneId);
  }
}

async function attempt(
  services: TrainerServices,
  row: FineTuneRow,
  job: HeldFineTune,
  signal: AbortSignal,
): Promise<{ number: number; promoted: boolean }> {
  // Nobody had asked when corrections started it, and of several that wait the first ones may use up all.
  if (row.attempt === 1) await requireTrainingTime(services.db, row.workspaceId, services.quotas ?? noQuotas);
  if (row.attempt > 1 && row.checkpointKey === null)
    await job.append({ level: "warn", message: `Attempt ${row.attempt}: from the beginning again` });
  return inTraceOf(row.traceParent, () =>
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
}

/** Ends a job that the queue gave up after its last attempt failed or died; `error` is why. */
export async function giveUpFineTune(
  services: TrainerServices,
  fineTuneId: string,
  attempts: number,
  error?: unknown,
): Promise<void> {
  await giveUp(services.db, fineTuneLeases, { id: fineTuneId, attempts }, error);
  await clearAfterEnd(services, fineTuneId);
}
