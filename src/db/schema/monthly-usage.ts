import { bigint, check, date, pgTable, primaryKey, sql, text } from "../drizzle.ts";
import { workspaces } from "./workspaces.ts";

/**
 * What a workspace has used in a calendar month, UTC, and no other row can tell later: the log of predictions is kept
 * for a while only, and goes with its project.
 */
export const monthlyUsage = pgTable(
  "monthly_usage",
  {
    workspaceId: text("workspace_id")
      .notNull()
      .references(() => workspaces.id, { onDelete: "cascade" }),
    /** Its first day. */
    month: date("month").notNull(),
    /** Answered: predict and segment-everything. */
    predictions: bigint("predictions", { mode: "number" }).notNull().default(0),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.month] }),
    check("monthly_usage_check", sql`predictions >= 0`),
  ],
);
