import { bigint, check, integer, pgTable, sql, text } from "../drizzle.ts";
import { createdAt } from "./common.ts";

/** The unit of isolation: every other row belongs to one, and every query is scoped to it. */
export const workspaces = pgTable(
  "workspaces",
  {
    id: text("id").primaryKey(),
    name: text("name").notNull(),
    /** What it may hold and use; null is the default of QUOTA_IMAGES and the like. Set by the operator, in SQL. */
    quotaImages: integer("quota_images"),
    quotaBytes: bigint("quota_bytes", { mode: "number" }),
    /** In a calendar month, UTC. */
    quotaTrainingMinutes: integer("quota_training_minutes"),
    createdAt: createdAt(),
  },
  () => [
    check(
      "workspaces_quota_check",
      sql`quota_images >= 0 and quota_bytes >= 0 and quota_training_minutes >= 0`,
    ),
  ],
);
