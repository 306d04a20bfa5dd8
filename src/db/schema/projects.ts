import { sql } from "drizzle-orm";
import { check, index, integer, pgTable, text } from "drizzle-orm/pg-core";
import { createdAt, time } from "./common.ts";
import { workspaces } from "./workspaces.ts";

/**
 * Whether a fine-tune's version goes live by itself: `auto` where it is surely better, `manual` never, `always` whatever
 * was measured. See training/gate.ts.
 */
export const promotionPolicies = ["auto", "manual", "always"] as const;
export type PromotionPolicy = (typeof promotionPolicies)[number];

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
    promotionPolicy: text("promotion_policy").$type<PromotionPolicy>().notNull().default("auto"),
    createdAt: createdAt(),
    updatedAt: time("updated_at").notNull().defaultNow(),
  },
  (table) => [
    index("projects_workspace_idx").on(table.workspaceId, table.createdAt, table.id),
    check("projects_promotion_policy_check", sql`promotion_policy in ('auto', 'manual', 'always')`),
  ],
);
