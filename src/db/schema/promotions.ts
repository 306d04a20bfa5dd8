import { bigint, check, index, integer, pgTable, sql, text } from "../drizzle.ts";
import { createdAt } from "./common.ts";
import { projects } from "./projects.ts";

/** The audit trail of which version was live when: every change of projects.active_version is one row. */
export const promotions = pgTable(
  "promotions",
  {
    id: bigint("id", { mode: "number" }).primaryKey().generatedAlwaysAsIdentity(),
    workspaceId: text("workspace_id").notNull(),
    projectId: text("project_id")
      .notNull()
      .references(() => projects.id, { onDelete: "cascade" }),
    kind: text("kind").$type<"promote" | "rollback" | "auto">().notNull(),
    /** Null is the base. */
    fromVersion: integer("from_version"),
    toVersion: integer("to_version"),
    /** A key's id, or the fine-tune's. */
    actor: text("actor").notNull(),
    reason: text("reason").notNull(),
    createdAt: createdAt(),
  },
  (table) => [
    index("promotions_project_idx").on(table.projectId, table.id),
    check("promotions_kind_check", sql`kind in ('promote', 'rollback', 'auto')`),
  ],
);
