import type { Executor } from "../db/client.ts";
import type { LeasedTable, Leases } from "../db/queries/leases.ts";
import { ProcessDied } from "../queue/jobs.ts";

/** Ends a job that the queue gives up, and says why in its row, which it gives back; null where it had ended before. */
export async function giveUp<Table extends LeasedTable, Own extends string>(
  db: Executor,
  leases: Leases<Table, Own>,
  { id, attempts }: { readonly id: string; readonly attempts: number },
  error: unknown,
): Promise<Table["$inferSelect"] | null> {
  if (!(error instanceof ProcessDied)) {
    return leases.giveUp(db, id, {
      code: "internal_error",
      message: `It failed in each of ${attempts} attempts; the trainer's log says why.`,
    });
  }
  const doing = (await leases.doingOf(db, id)) ?? "beginning with it";
  return leases.giveUp(db, id, {
    code: "process_ended_twice",
    message: `The process ended twice while ${doing}. It is not tried again by itself.`,
  });
}
