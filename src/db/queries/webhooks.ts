import { and, count, desc, eq, sql } from "../drizzle.ts";
import { AppError } from "../../lib/errors.ts";
import type { Executor } from "../client.ts";
import { webhooks } from "../schema/index.ts";
import { behind, cut, type Page, type PageRequest } from "./page.ts";

export type Webhook = typeof webhooks.$inferSelect;

interface WebhookScope {
  readonly workspaceId: string;
  readonly id: string;
}

const inScope = ({ workspaceId, id }: WebhookScope) =>
  and(eq(webhooks.workspaceId, workspaceId), eq(webhooks.id, id));

const notFound = (id: string): AppError =>
  new AppError("webhook_not_found", `There is no webhook ${id}.`, { param: "webhook_id" });

export async function insertWebhook(
  db: Executor,
  row: Pick<Webhook, "id" | "workspaceId" | "projectId" | "url" | "events" | "secret" | "enabled">,
): Promise<Webhook> {
  const [inserted] = await db.insert(webhooks).values(row).returning();
  return inserted as Webhook;
}

/** Throws AppError webhook_not_found. */
export async function getWebhook(db: Executor, scope: WebhookScope): Promise<Webhook> {
  const [row] = await db.select().from(webhooks).where(inScope(scope));
  if (!row) throw notFound(scope.id);
  return row;
}

export async function listWebhooks(
  db: Executor,
  workspaceId: string,
  page: PageRequest,
): Promise<Page<Webhook>> {
  const rows = await db
    .select()
    .from(webhooks)
    .where(and(eq(webhooks.workspaceId, workspaceId), behind(webhooks, page.after)))
    .orderBy(desc(webhooks.createdAt), desc(webhooks.id))
    .limit(page.limit + 1);
  return cut(rows, page.limit);
}

export async function countWebhooks(db: Executor, workspaceId: string): Promise<number> {
  const [row] = await db.select({ n: count() }).from(webhooks).where(eq(webhooks.workspaceId, workspaceId));
  return row?.n ?? 0;
}

/** What is undefined stays as it is. Throws AppError webhook_not_found. */
export async function changeWebhook(
  db: Executor,
  scope: WebhookScope,
  change: { url?: string | undefined; events?: Webhook["events"] | undefined; enabled?: boolean | undefined },
): Promise<Webhook> {
  const [row] = await db.update(webhooks).set(change).where(inScope(scope)).returning();
  if (!row) throw notFound(scope.id);
  return row;
}

/** The secret of before signs too for `seconds`. Throws AppError webhook_not_found. */
export async function rotateWebhookSecret(
  db: Executor,
  scope: WebhookScope,
  { secret, seconds }: { secret: string; seconds: number },
): Promise<Webhook> {
  const [row] = await db
    .update(webhooks)
    .set({
      secret,
      previousSecret: seconds > 0 ? sql`${webhooks.secret}` : null,
      previousSecretUntil: seconds > 0 ? sql`now() + make_interval(secs => ${seconds})` : null,
    })
    .where(inScope(scope))
    .returning();
  if (!row) throw notFound(scope.id);
  return row;
}

/** Its deliveries go with it. Throws AppError webhook_not_found. */
export async function deleteWebhook(db: Executor, scope: WebhookScope): Promise<void> {
  const deleted = await db.delete(webhooks).where(inScope(scope)).returning({ id: webhooks.id });
  if (deleted.length === 0) throw notFound(scope.id);
}
