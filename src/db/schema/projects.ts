import { check, index, integer, jsonb, pgTable, sql, text } from "../drizzle.ts";
import type { BaseChoice } from "../../domain/base-choice.ts";
import type { PromotionPolicy } from "../../domain/gate.ts";
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
    /** Whether and how a fine-tune chooses the base model; null where it was named. Only an open choice ever changes it. */
    baseChoice: jsonb("base_choice").$type<BaseChoice>(),
    /** The version that `predict` uses; null is the base. Changed only together with a row in promotions. */
    activeVersion: integer("active_version"),
    promotionPolicy: text("promotion_policy").$type<PromotionPolicy>().notNull().default("auto"),
    /** So many corrections since the last fine-tune start the next one, in the database itself; null: none does. */
    fineTuneAfterCorrections: integer("fine_tune_after_corrections"),
    /** How long logged predictions are kept; 0 until the next sweep. */
    predictionRetentionDays: integer("prediction_retention_days").notNull().default(90),
    createdAt: createdAt(),
    updatedAt: time("updated_at").notNull().defaultNow(),
  },
  (table) => [
    index("projects_workspace_idx").on(table.workspaceId, table.createdAt, table.id),
    check("projects_promotion_policy_check", sql`promotion_policy in ('auto', 'manual', 'always')`),
    check("projects_corrections_check", sql`fine_tune_after_corrections >= 1`),
    check("projects_retention_check", sql`prediction_retention_days between 0 and 3650`),
  ],
);
