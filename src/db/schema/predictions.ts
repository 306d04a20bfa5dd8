import { index, integer, jsonb, pgTable, text } from "drizzle-orm/pg-core";
import { createdAt } from "./common.ts";
import { projects } from "./projects.ts";

/** A log of what was asked and how long it took; no image and no mask is kept here. */
export const predictions = pgTable(
  "predictions",
  {
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    projectId: text("project_id")
      .notNull()
      .references(() => projects.id, { onDelete: "cascade" }),
    imageSha256: text("image_sha256").notNull(),
    /** Numbers; 0 is the base. */
    versions: jsonb("versions").$type<number[]>().notNull(),
    prompts: integer("prompts").notNull(),
    timingMs: jsonb("timing_ms").$type<Record<string, number>>().notNull(),
    createdAt: createdAt(),
  },
  (table) => [index("predictions_project_idx").on(table.projectId, table.createdAt)],
);
