import { check, index, integer, jsonb, pgTable, sql, text } from "../drizzle.ts";
import type { PreviewProgress, PreviewResult } from "../../domain/preview.ts";
import type { PreviewStatus } from "../../domain/job-states.ts";
import { jobColumns } from "./common.ts";
import type { JobError } from "../../domain/job-error.ts";
import { projects } from "./projects.ts";

/** A look at a project's data before a fine-tune: what is wrong with it, what it will cost, what more images would bring. */
export const fineTunePreviews = pgTable(
  "fine_tune_previews",
  {
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    projectId: text("project_id")
      .notNull()
      .references(() => projects.id, { onDelete: "cascade" }),
    status: text("status").$type<PreviewStatus>().notNull().default("queued"),
    seed: integer("seed").notNull().default(0),
    progress: jsonb("progress").$type<PreviewProgress>(),
    result: jsonb("result").$type<PreviewResult>(),
    error: jsonb("error").$type<JobError>(),
    ...jobColumns(),
  },
  (table) => [
    index("fine_tune_previews_project_idx").on(table.projectId, table.createdAt, table.id),
    index("fine_tune_previews_workspace_idx").on(table.workspaceId, table.startedAt),
    index("fine_tune_previews_workspace_open_idx")
      .on(table.workspaceId)
      .where(sql`status in ('queued', 'running')`),
    index("fine_tune_previews_open_idx")
      .on(table.createdAt)
      .where(sql`status in ('queued', 'running')`),
    check(
      "fine_tune_previews_status_check",
      sql`status in ('queued', 'running', 'succeeded', 'failed', 'cancelled')`,
    ),
    check("fine_tune_previews_seed_check", sql`seed >= 0`),
    check("fine_tune_previews_attempt_check", sql`attempt >= 0`),
    check("fine_tune_previews_result_check", sql`(status = 'succeeded') = (result is not null)`),
  ],
);
