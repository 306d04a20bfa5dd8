import { and, asc, eq, gt, sql } from "../drizzle.ts";
import type { Executor } from "../client.ts";
import type { NewEvent } from "../../domain/fine-tune.ts";
import { fineTuneEvents, fineTunes } from "../schema/index.ts";
import { fineTuneLeases, type Lease } from "./leases.ts";

export type FineTuneEvent = typeof fineTuneEvents.$inferSelect;

/**
 * Appends an event if the lease still holds; false when it does not. The row of the fine-tune stays locked against
 * a new claim until the event is in, so nothing is ever written behind a new holder's back.
 */
export async function appendEvent(db: Executor, lease: Lease, event: NewEvent): Promise<boolean> {
  const holder = db
    .select({ workspaceId: fineTunes.workspaceId, id: fineTunes.id })
    .from(fineTunes)
    .where(fineTuneLeases.holds(lease))
    .for("share")
    .as("holder");
  const rows = await db.execute(sql`
    insert into ${fineTuneEvents} (workspace_id, fine_tune_id, level, type, message, data)
    select ${holder.workspaceId}, ${holder.id}, ${event.level ?? "info"}, ${event.type ?? "message"},
           ${event.message}, ${JSON.stringify(event.data ?? {})}::jsonb
    from ${holder}
    returning id`);
  return rows.length > 0;
}

/** At most `limit` events of a fine-tune with ids above `after`, oldest first. */
export async function selectFineTuneEvents(
  db: Executor,
  query: { workspaceId: string; fineTuneId: string; after: number; limit: number },
): Promise<FineTuneEvent[]> {
  return db
    .select()
    .from(fineTuneEvents)
    .where(
      and(
        eq(fineTuneEvents.workspaceId, query.workspaceId),
        eq(fineTuneEvents.fineTuneId, query.fineTuneId),
        gt(fineTuneEvents.id, query.after),
      ),
    )
    .orderBy(asc(fineTuneEvents.id))
    .limit(query.limit);
}
