import { index, integer, pgTable, text } from "drizzle-orm/pg-core";
import { createdAt, time } from "./common.ts";
import { workspaces } from "./workspaces.ts";

export const projects = pgTable(
  "projects",
  {
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id")
      .notNull()
      .references(() => workspaces.id, { onDelete: "cascade" }),
    name: text("name").notNull(),
    baseModel: text("base_model").notNull().default("mobile_sam"),
    /** The version that `predict` uses; null is the base. Changed only together with a row in promotions. */
    activeVersion: integer("active_version"),
    createdAt: createdAt(),
    updatedAt: time("updated_at").notNull().defaultNow(),
  },
  (table) => [index("projects_workspace_idx").on(table.workspaceId, table.createdAt, table.id)],
);
