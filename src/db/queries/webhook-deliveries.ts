import { and, desc, eq, ne, sql } from "../drizzle.ts";
import { AppError } from "../../lib/errors.ts";
import type { Executor } from "../client.ts";
import {
  type DeliveryAttempt,
  type DeliveryStatus,
  webhookDeliveries as deliveries,
  webhooks,
} from "../schema/index.ts";
import { behind, cut, type Page, type PageRequest } from "./page.ts";
import { mostWaiting, type Waiting } from "./waiting.ts";
import type { Webhook } from "./webhooks.ts";

export type Delivery = typeof deliveries.$inferSelect;

/** Tries that the log keeps. */
const keptAttempts = 20;

interface DeliveryScope {
  readonly workspaceId: string;
  readonly webhookId: string;
}

const inScope = ({ workspaceId, webhookId }: DeliveryScope) =>
  and(eq(deliveries.workspaceId, workspaceId), eq(deliveries.webhookId, webhookId));

/** For a test message; those of events are written by triggers. The insert is the event: a trigger tells the workers. */
export async function insertDelivery(
  db: Executor,
  row: Pick<Delivery, "id" | "workspaceId" | "webhookId" | "event" | "payload">,
): Promise<Delivery> {
  const [inserted] = await db.insert(deliveries).values(row).returning();
  return inserted as Delivery;
}

/** Throws AppError webhook_delivery_not_found. */
export async function getDelivery(db: Executor, scope: DeliveryScope, id: string): Promise<Delivery> {
  const [row] = await db
    .select()
    .from(deliveries)
    .where(and(inScope(scope), eq(deliveries.id, id)));
  if (!row) throw notFound(id);
  return row;
}

const notFound = (id: string): AppError =>
  new AppError("webhook_delivery_not_found", `There is no delivery ${id} of this webhook.`, {
    param: "delivery_id",
  });

export async function listDeliveries(
  db: Executor,
  scope: DeliveryScope,
  page: PageRequest & { status?: DeliveryStatus | undefined },
): Promise<Page<Delivery>> {
  const rows = await db
    .select()
    .from(deliveries)
    .where(
      and(
        inScope(scope),
        page.status === undefined ? undefined : eq(deliveries.status, page.status),
        behind(deliveries, page.after),
      ),
    )
    .orderBy(desc(deliveries.createdAt), desc(deliveries.id))
    .limit(page.limit + 1);
  return cut(rows, page.limit);
}

/** Sends the same message again; one that is still on its way is left alone. Throws AppError webhook_delivery_not_found. */
export async function replayDelivery(db: Executor, scope: DeliveryScope, id: string): Promise<Delivery> {
  await db
    .update(deliveries)
    .set({ status: "queued", deliveredAt: null })
    .where(and(inScope(scope), eq(deliveries.id, id), ne(deliveries.status, "queued")));
  return getDelivery(db, scope, id);
}

/** A message that waits, with where it goes; null once it is delivered, given up or deleted. */
export async function selectQueuedDelivery(
  db: Executor,
  id: string,
): Promise<{ delivery: Delivery; webhook: Webhook } | null> {
  const [row] = await db
    .select({ delivery: deliveries, webhook: webhooks })
    .from(deliveries)
    .innerJoin(webhooks, eq(webhooks.id, deliveries.webhookId))
    .where(and(eq(deliveries.id, id), eq(deliveries.status, "queued")));
  return row ?? null;
}

/** Adds a try to the log. */
export async function logAttempt(
  db: Executor,
  id: string,
  { attempt, status }: { attempt: DeliveryAttempt; status: DeliveryStatus },
): Promise<void> {
  const log = sql`${deliveries.attempts} || ${JSON.stringify([attempt])}::jsonb`;
  const from = sql`greatest(jsonb_array_length(${log}) - ${keptAttempts}, 0)`;
  await db
    .update(deliveries)
    .set({
      status,
      attempts: sql`jsonb_path_query_array(${log}, ('$[' || ${from} || ' to last]')::jsonpath)`,
      attemptCount: sql`${deliveries.attemptCount} + 1`,
      ...(status === "delivered" && { deliveredAt: sql`now()` }),
    })
    .where(eq(deliveries.id, id));
}

/** For a message that the queue gives up. */
export async function failDelivery(db: Executor, id: string): Promise<void> {
  await db
    .update(deliveries)
    .set({ status: "failed" })
    .where(and(eq(deliveries.id, id), eq(deliveries.status, "queued")));
}

/** Messages that wait, the next one first: workspaces take turns, and so do the webhooks of one. */
export async function waitingDeliveries(db: Executor): Promise<Waiting[]> {
  return db.execute<Waiting & Record<string, unknown>>(sql`
    with waiting as (
      select id, webhook_id, workspace_id, created_at,
        row_number() over (partition by webhook_id order by created_at, id) as in_webhook
      from ${deliveries} where status = 'queued'
    ), placed as (
      select *, row_number() over (partition by workspace_id order by in_webhook, created_at, id) as place from waiting
    )
    select id, webhook_id as "projectId", workspace_id as "workspaceId",
      row_number() over (order by place, created_at, id)::int - 1 as ahead
    from placed order by ahead limit ${mostWaiting}`);
}

/** Whether the message still waits; no other transaction can change it before this one ends. */
export async function lockWaitingDelivery(tx: Executor, id: string): Promise<boolean> {
  const rows = await tx
    .select({ id: deliveries.id })
    .from(deliveries)
    .where(and(eq(deliveries.id, id), eq(deliveries.status, "queued")))
    .for("update");
  return rows.length > 0;
}

/** Removes messages that ended more than 30 days ago, at most `limit`. */
export async function deleteOldDeliveries(db: Executor, limit: number): Promise<number> {
  const gone = await db.execute(sql`
    delete from ${deliveries} where id in (
      select id from ${deliveries}
      where status <> 'queued' and created_at < now() - interval '30 days' limit ${limit})
    returning id`);
  return gone.length;
}
