import { boolean, check, index, integer, jsonb, pgTable, sql, text } from "../drizzle.ts";
import { createdAt, time } from "./common.ts";
import { projects } from "./projects.ts";
import { workspaces } from "./workspaces.ts";

/** What a webhook may be told. The triggers of the migration `webhooks` write the deliveries. */
export const webhookEvents = [
  "fine_tune.queued",
  "fine_tune.started",
  "fine_tune.succeeded",
  "fine_tune.failed",
  "fine_tune.cancelled",
  "import.succeeded",
  "import.failed",
  "version.promoted",
] as const;
export type WebhookEvent = (typeof webhookEvents)[number];

/** Where a workspace, or one project of it, wants to be told of events. See docs/adr/0013-webhooks.md. */
export const webhooks = pgTable(
  "webhooks",
  {
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id")
      .notNull()
      .references(() => workspaces.id, { onDelete: "cascade" }),
    /** Null: every project of the workspace. */
    projectId: text("project_id").references(() => projects.id, { onDelete: "cascade" }),
    url: text("url").notNull(),
    /** None: all. */
    events: jsonb("events").$type<WebhookEvent[]>().notNull().default([]),
    /** `whsec_` and 32 random bytes in base64; every message is signed with it, so its hash would not do. */
    secret: text("secret").notNull(),
    /** The one before a rotation, which signs too until its time is over. */
    previousSecret: text("previous_secret"),
    previousSecretUntil: time("previous_secret_until"),
    enabled: boolean("enabled").notNull().default(true),
    createdAt: createdAt(),
  },
  (table) => [
    index("webhooks_workspace_idx").on(table.workspaceId, table.createdAt, table.id),
    check("webhooks_events_check", sql`jsonb_typeof(events) = 'array'`),
  ],
);

export type DeliveryStatus = "queued" | "delivered" | "failed";

/** One try to deliver a message. */
export interface DeliveryAttempt {
  /** ISO 8601. */
  at: string;
  /** HTTP status of the answer; null where there was none. */
  status: number | null;
  error: string | null;
  ms: number;
}

/** One message on its way to one webhook, and the log of its tries. Inserting it is the event. */
export const webhookDeliveries = pgTable(
  "webhook_deliveries",
  {
    /** `webhook-id` of the message: the same at every try and replay, so that receivers can drop doubles. */
    id: text("id")
      .primaryKey()
      .default(sql`'msg_' || replace(gen_random_uuid()::text, '-', '')`),
    workspaceId: text("workspace_id").notNull(),
    webhookId: text("webhook_id")
      .notNull()
      .references(() => webhooks.id, { onDelete: "cascade" }),
    event: text("event").notNull(),
    /** The body: `{type, timestamp, data}`. */
    payload: jsonb("payload").$type<Record<string, unknown>>().notNull(),
    status: text("status").$type<DeliveryStatus>().notNull().default("queued"),
    /** The last ones, oldest first. */
    attempts: jsonb("attempts").$type<DeliveryAttempt[]>().notNull().default([]),
    /** All there were, also those of before a replay. */
    attemptCount: integer("attempt_count").notNull().default(0),
    deliveredAt: time("delivered_at"),
    createdAt: createdAt(),
  },
  (table) => [
    index("webhook_deliveries_webhook_idx").on(table.webhookId, table.createdAt, table.id),
    index("webhook_deliveries_queued_idx")
      .on(table.createdAt)
      .where(sql`status = 'queued'`),
    check("webhook_deliveries_status_check", sql`status in ('queued', 'delivered', 'failed')`),
  ],
);
