import { bigint, check, index, jsonb, pgTable, sql, text } from "../drizzle.ts";
import type { EventLevel, EventType } from "../../domain/fine-tune.ts";
import { createdAt } from "./common.ts";
import { fineTunes } from "./fine-tunes.ts";

/** Append-only. One job has one writer at a time (its lease holder), so ids grow in the order of commits. */
export const fineTuneEvents = pgTable(
  "fine_tune_events",
  {
    id: bigint("id", { mode: "number" }).primaryKey().generatedAlwaysAsIdentity(),
    workspaceId: text("workspace_id").notNull(),
    fineTuneId: text("fine_tune_id")
      .notNull()
      .references(() => fineTunes.id, { onDelete: "cascade" }),
    level: text("level").$type<EventLevel>().notNull(),
    type: text("type").$type<EventType>().notNull(),
    message: text("message").notNull(),
    data: jsonb("data").$type<Record<string, unknown>>().notNull().default({}),
    createdAt: createdAt(),
  },
  (table) => [
    index("fine_tune_events_job_idx").on(table.fineTuneId, table.id),
    check("fine_tune_events_level_check", sql`level in ('info', 'warn', 'error')`),
    check("fine_tune_events_type_check", sql`type in ('message', 'metrics')`),
  ],
);
